/** What the server answers its front: who may connect, who is admitted, and what becomes of a connection. */
import { type AdmissionContext, admit, refuse, retrySeconds } from "../admission/admission.ts";
import type { Accepted, Entry, Gate, Handshake, Peer, Refusal, Socket, SocketSink } from "../front/front.ts";
import { refusalResponse } from "../front/headers.ts";
import { addressKey } from "../limits/limits.ts";
import { Session } from "../session/session.ts";
import { Addresses } from "./addresses.ts";
import type { Parts } from "./parts.ts";
import { Reservations } from "./reservations.ts";

/** Seconds after which an address with as many connections as it may have can hope for one more. */
const ADDRESS_RETRY = 5;

export class ServerGate implements Gate {
  readonly #parts: Parts;
  readonly #addresses = new Addresses();
  readonly #reservations: Reservations;
  /** Handshakes being judged: each may become a connection, so each counts towards `max_connections`. */
  #judging = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#reservations = new Reservations(parts.config.server.handshake_timeout);
  }

  enter(ip: string): Entry | "banned" | "too_many_connections" {
    if (this.#parts.limits.bans.banned(`ip:${ip}`) > 0) return "banned";
    return this.#addresses.enter(addressKey(ip), this.#parts.config.server.max_connections_per_ip) ??
      "too_many_connections";
  }

  async admit(handshake: Handshake, peer: Peer): Promise<Accepted | Refusal> {
    this.#judging++;
    try {
      const verdict = await this.#parts.tracing.handshake(peer.ip, () => admit(handshake, peer, this.#context()));
      return verdict.accepted ? this.#reserve(verdict) : verdict;
    } catch (error) {
      // Nothing in admission is expected to throw; if it does, nobody gets in by it.
      this.#parts.log.error("handshake.failed", { ip: peer.ip, error: String(error) });
      return refuse("overloaded", { retryAfter: 1 });
    } finally {
      this.#judging--;
    }
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
    // Who is refused for what it is pays more than who comes at a bad time.
    if (refusal.status < 429) limits.handshake(peer.ip, true);
    return refusalResponse(this.#withRetry(refusal, peer), config);
  }

  failed(ip: string): void {
    this.#parts.limits.handshake(ip, true);
  }

  /**
   * Every request takes a handshake's token of its address, whatever its answer, or a flood of them would be free. At the
   * default of 5 a second and 20 at once, a load balancer that asks `/healthz` every second never notices.
   */
  http(request: Request, peer: Peer): Promise<Response> {
    const { limits, routes } = this.#parts;
    const url = new URL(request.url);
    // The endpoint takes the token of a ticket itself, behind the check of the origin as in a handshake.
    if (url.pathname === "/ticket" && request.method === "POST") return routes(request, peer);
    const wait = limits.handshake(peer.ip);
    if (wait === 0) return routes(request, peer);
    const handshake: Handshake = { method: request.method, url, headers: request.headers };
    return Promise.resolve(
      this.refused(handshake, peer, refuse("rate_limited", { retryAfter: retrySeconds(wait) })),
    );
  }

  open(socket: Socket, accepted: Accepted, peer: Peer, handshake: Handshake): SocketSink {
    const { modules, services, log, telemetry, limits, revocations } = this.#parts;
    this.#reservations.release(accepted);
    // Without `require_subprotocol`, a client that offers none gets the first module.
    const module = modules.get(accepted.subprotocol ?? "") ?? modules.values().next().value;
    if (!module) throw new Error("No handler module");
    const id = connectionId();
    const session = new Session({ id, socket, accepted, peer, module, services });
    telemetry.handshake("accepted", "ok");
    log.info("handshake.accepted", {
      conn: id,
      ip: peer.ip,
      user: session.userId,
      origin: handshake.headers.get("origin"),
      subprotocol: accepted.subprotocol,
    });
    // A revocation or ban that came since the handshake was judged found no session to close.
    const banned = limits.bans.banned(`user:${session.userId}`) > 0 || limits.bans.banned(`ip:${peer.ip}`) > 0;
    if (revocations.isRevoked(accepted.identity)) session.end(4401, "token_revoked");
    else if (banned) session.end(1008, "banned");
    return session;
  }

  /** Says when to come back to who was stopped by {@linkcode ServerGate.enter}, where the engine answers at all. */
  #withRetry(refusal: Refusal, { ip }: Peer): Refusal {
    if (refusal.status !== 429 || refusal.retryAfter !== undefined) return refusal;
    const banned = this.#parts.limits.bans.banned(`ip:${ip}`);
    return { ...refusal, retryAfter: banned > 0 ? retrySeconds(banned) : ADDRESS_RETRY };
  }

  /** Holds the connection's place. Others may have taken the user's last one since this handshake was judged. */
  #reserve(accepted: Accepted): Accepted | Refusal {
    const { user } = accepted.identity;
    if (this.#connectionsOf(user) >= this.#parts.config.server.max_connections_per_user) {
      return refuse("too_many_connections", { retryAfter: 1 });
    }
    this.#reservations.add(accepted, user, this.#parts.monotonic());
    return accepted;
  }

  #connectionsOf(user: string): number {
    const { registry, monotonic } = this.#parts;
    return registry.countOfUser(user) + this.#reservations.countOfUser(user, monotonic());
  }

  #context(): AdmissionContext {
    const { config, origins, draining, limits, registry, verifier, tickets, overload, monotonic } = this.#parts;
    const taken = registry.size + this.#reservations.count(monotonic()) + this.#judging - 1;
    return {
      config,
      origins,
      draining,
      overloaded: overload.refusing,
      full: taken >= config.server.max_connections,
      takeHandshake: (ip) => limits.handshake(ip),
      verify: (token) => verifier.verify(token),
      redeemTicket: (ticket, origin) => tickets.redeem(ticket, origin),
      userConnections: (user) => this.#connectionsOf(user),
      userBanned: (user) => limits.bans.banned(`user:${user}`),
    };
  }
}

/** 128 random bits: an id says nothing about others (CVE-2026-41838). */
function connectionId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
}
