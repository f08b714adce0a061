/** The server's side of the front: decides about connections and handshakes, and opens sessions. */
import { type AdmissionContext, admit, judgeOrigin, type TollDeps } from "../admission/admission.ts";
import { refusalResponse } from "../front/http/headers.ts";
import {
  type Accepted,
  type AddressPermit,
  type Gate,
  type Handshake,
  type Peer,
  type Refusal,
  REFUSALS,
  refuse,
  retrySeconds,
  type Socket,
  type SocketSink,
} from "../gate/gate.ts";
import { addressKey } from "../limits/limits.ts";
import { Session } from "../session/session.ts";
import { Addresses } from "./addresses.ts";
import { OutOfTurn } from "../timing/out_of_turn.ts";
import type { Parts } from "./parts.ts";
import { Reservations } from "./reservations.ts";

/** `Retry-After` for an address at its connection cap. */
const ADDRESS_RETRY_S = 5;

/**
 * The part of `max_connections_per_ip` that may be in the handshake at once from a banned address. A ban does not apply
 * to valid credentials, so reconnecting clients or a few idle connections must not use up all places of the address.
 */
const HEARD_WHILE_BANNED = 0.5;

export class ServerGate implements Gate {
  readonly #parts: Parts;
  readonly #addresses = new Addresses();
  readonly #outOfTurn = new OutOfTurn();
  readonly #reservations: Reservations;
  /** Buckets and bans for admission and the ticket endpoint. */
  readonly toll: TollDeps;
  /** Handshakes that are being judged. Each may become a connection, so each counts towards `max_connections`. */
  #judging = 0;

  constructor(parts: Parts) {
    const { limits } = parts;
    this.#parts = parts;
    this.#reservations = new Reservations(
      parts.config.server.handshake_timeout,
      (user) => parts.cluster.state.unseat(user),
    );
    this.toll = {
      addressBanned: (ip) => limits.bans.banned(`ip:${ip}`),
      takeHandshake: (ip) => limits.handshake(ip),
      returnHandshake: (ip) => limits.proven(ip),
      takeUserHandshake: (user) => limits.userHandshake(user),
      turn: (ip) => this.#outOfTurn.turn(addressKey(ip)),
      forged: (ip) => limits.offence(ip),
      userBanned: (user) => limits.bans.banned(`user:${user}`),
    };
  }

  enter(ip: string): AddressPermit | "banned" | "too_many_connections" {
    const { limits, config } = this.#parts;
    const key = addressKey(ip);
    const banned = limits.bans.banned(`ip:${ip}`) > 0;
    const { max_connections_per_ip } = config.server;
    if (banned && this.#addresses.unproven(key) >= max_connections_per_ip * HEARD_WHILE_BANNED) return "banned";
    return this.#addresses.enter(key, max_connections_per_ip, banned || limits.exhausted(ip)) ?? "too_many_connections";
  }

  async admit(handshake: Handshake, peer: Peer, gone: () => boolean): Promise<Accepted | Refusal> {
    const place = this.#judge();
    try {
      const context = this.#context(gone);
      const verdict = await this.#parts.tracing.handshake(peer.ip, () => admit(handshake, peer, context));
      if (verdict.accepted) return await this.#reserve(verdict, place);
      if (REFUSALS[verdict.reason].costs === "request") this.#parts.limits.request(peer.ip, true);
      return verdict;
    } catch (error) {
      // Admission is not expected to throw. If it does, the handshake is refused.
      this.#parts.log.error("handshake.failed", { ip: peer.ip, error: String(error) });
      return refuse("overloaded", { retryAfter: 1 });
    } finally {
      place.leave();
    }
  }

  abandoned(accepted: Accepted): void {
    this.#reservations.release(accepted);
  }

  refused(handshake: Handshake | null, peer: Peer, refusal: Refusal): Response {
    const { log, telemetry, limits, config } = this.#parts;
    log.info("handshake.rejected", {
      ip: peer.ip,
      origin: handshake?.headers.get("origin") ?? null,
      reason: refusal.reason,
      status: refusal.status,
      detail: refusal.detail,
    });
    telemetry.handshake("rejected", refusal.reason);
    if (REFUSALS[refusal.reason].costs === "offence" && !refusal.blameless) limits.offence(peer.ip);
    return refusalResponse(this.#withRetry(refusal), config);
  }

  failed(ip: string, garbage: boolean): void {
    const { limits } = this.#parts;
    limits.request(ip, true);
    if (garbage) limits.offence(ip);
  }

  /**
   * Every request takes a token of its address from the HTTP bucket, so that a flood is limited. With the default of 5
   * a second and 20 at once, a load balancer that checks `/healthz` every second is not affected. For pages of allowed
   * origins, `/ticket` has limits of its own, which foreign pages can't use up.
   */
  http(request: Request, peer: Peer): Promise<Response> {
    const { limits, routes, origins } = this.#parts;
    const url = new URL(request.url);
    const forTicket = url.pathname === "/ticket" && (request.method === "POST" || request.method === "OPTIONS");
    if (forTicket && judgeOrigin(request.headers.get("origin"), origins, false) === "allowed") {
      return routes(request, peer);
    }
    const banned = limits.bans.banned(`ip:${peer.ip}`);
    const wait = banned > 0 ? banned : limits.request(peer.ip);
    if (wait === 0) return routes(request, peer);
    const handshake: Handshake = { method: request.method, url, headers: request.headers };
    const refusal = refuse(banned > 0 ? "banned" : "rate_limited", { retryAfter: retrySeconds(wait) });
    return Promise.resolve(this.refused(handshake, peer, refusal));
  }

  open(socket: Socket, accepted: Accepted, peer: Peer, handshake: Handshake): SocketSink {
    const { modules, services, registry, log, telemetry, limits, revocations, cluster } = this.#parts;
    // The session gives the seat back. That of an expired reservation is gone already, so another one is taken.
    if (!this.#reservations.claim(accepted)) void cluster.state.seat(accepted.identity.user, Number.MAX_SAFE_INTEGER);
    // Without `require_subprotocol`, a client that offers none gets the first module.
    const module = modules.get(accepted.subprotocol ?? "") ?? modules.values().next().value;
    if (!module) throw new Error("No handler module");
    const id = connectionId();
    const session = new Session({ id, socket, accepted, peer, module, services }, registry);
    telemetry.handshake("accepted", "ok");
    log.info("handshake.accepted", {
      conn: id,
      ip: peer.ip,
      user: session.userId,
      origin: handshake.headers.get("origin"),
      subprotocol: accepted.subprotocol,
    });
    // A revocation or ban since the decision found no session to close, so it is checked here.
    const banned = limits.bans.banned(`user:${session.userId}`) > 0;
    if (revocations.isRevoked(accepted.identity)) session.end("token_revoked");
    else if (banned) session.end("banned");
    return session;
  }

  /** Adds `Retry-After` to a refusal by {@linkcode ServerGate.enter}, where the engine answers at all. */
  #withRetry(refusal: Refusal): Refusal {
    if (refusal.status !== 429 || refusal.retryAfter !== undefined) return refusal;
    return { ...refusal, retryAfter: ADDRESS_RETRY_S };
  }

  /** Counts a handshake as being judged, until its place is left. */
  #judge(): { leave(): void } {
    let counts = true;
    this.#judging++;
    return {
      leave: () => {
        if (counts) this.#judging--;
        counts = false;
      },
    };
  }

  /**
   * Reserves the connection's place: here at once, because other handshakes may have taken the user's last one since the
   * decision, then one of the user's seats over all nodes.
   */
  async #reserve(accepted: Accepted, judging: { leave(): void }): Promise<Accepted | Refusal> {
    const { config: { server: { max_connections_per_user } }, cluster, monotonic } = this.#parts;
    const { user } = accepted.identity;
    const refusal = refuse("too_many_connections", { retryAfter: 1 });
    if (this.#connectionsOf(user) >= max_connections_per_user) return refusal;
    this.#reservations.add(accepted, user, monotonic());
    judging.leave();
    const seat = await cluster.state.seat(user, max_connections_per_user);
    if (seat !== "full") return accepted;
    // It has no seat to give back.
    this.#reservations.claim(accepted);
    return refusal;
  }

  #connectionsOf(user: string): number {
    const { registry, monotonic } = this.#parts;
    return registry.countOfUser(user) + this.#reservations.countOfUser(user, monotonic());
  }

  #context(gone: () => boolean): AdmissionContext {
    const { config, origins, draining, cutOff, registry, verifier, tickets, overload, monotonic } = this.#parts;
    const taken = registry.size + this.#reservations.count(monotonic()) + this.#judging - 1;
    return {
      ...this.toll,
      config,
      origins,
      draining,
      cutOff,
      overloaded: overload.refusing,
      full: taken >= config.server.max_connections,
      verify: (token) => verifier.verify(token),
      redeemTicket: (ticket, origin) => tickets.redeem(ticket, origin),
      userConnections: (user) => this.#connectionsOf(user),
      gone,
    };
  }
}

/** 128 random bits: an id does not reveal others (CVE-2026-41838). */
function connectionId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
}
