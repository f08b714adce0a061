/**
 * The decision on a handshake: accept it with an identity and a subprotocol, or refuse it with a status and a reason.
 */
import { ClusterUnavailable } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import {
  type Accepted,
  type Handshake,
  type Identity,
  type Peer,
  type Refusal,
  refuse,
  retrySeconds,
  type Verified,
} from "../gate/gate.ts";
import { bearerToken, type Credential, findCredential, ticketOf } from "./credentials.ts";
import { judgeOrigin, type OriginSet } from "./origin.ts";
import { chooseSubprotocol, readOffer } from "./subprotocol.ts";
import { CLUSTER_RETRY_S, isRefusal, type Known, Toll, type TollDeps } from "./toll.ts";
import { checkUpgrade } from "./upgrade.ts";

export { authFindings } from "./auth_findings.ts";
export { bearerToken } from "./credentials.ts";
export { equalSecrets } from "../base/equal_secrets.ts";
export { KeyError } from "./token/keys.ts";
export { type KeyAlgorithm, makeKeys, makeSecret } from "./token/make_keys.ts";
export { compileOrigins, judgeOrigin, type OriginSet, parseOrigin } from "./origin.ts";
export {
  type KeptRevocation,
  type Revocation,
  Revocations,
  type RevocationsDeps,
  type SharedRevocation,
} from "./revocation/revocations.ts";
export { RevokedFile } from "./revocation/revoked_file.ts";
export { type SignerConfig, signToken, type TokenRequest } from "./token/sign.ts";
export { createTicketEndpoint, type TicketEndpointDeps } from "./ticket_endpoint.ts";
export { type IssuedTicket, type SharedTickets, Tickets, type TicketsDeps } from "./tickets.ts";
export { createVerifier, type Verifier, type VerifierDeps } from "./token/verifier.ts";
export { Toll, type TollDeps } from "./toll.ts";

/** `Retry-After` in seconds when the server or the user has no place left. */
const CAPACITY_RETRY_S = 5;

/** Everything a decision depends on besides the handshake and its peer. */
export interface AdmissionContext extends TollDeps {
  readonly config: Config;
  /** `config.admission.origins`, compiled once. */
  readonly origins: OriginSet;
  readonly draining: boolean;
  readonly overloaded: boolean;
  /** Whether the node is cut off from the others, or has not yet heard of their bans and revocations. */
  readonly cutOff: boolean;
  /** Whether `server.max_connections` is reached. */
  readonly full: boolean;
  verify(token: string): Promise<Verified>;
  /**
   * Redeems a one-time ticket; null when it is unknown, used, expired, or was issued to another origin.
   *
   * @throws {ClusterUnavailable}
   */
  redeemTicket(ticket: string, origin: string): Promise<Identity | null>;
  /** How many connections the user has now. */
  userConnections(user: string): number;
  /** True when the client has left; the remaining checks are then skipped. */
  gone(): boolean;
}

/**
 * Decides on a request for `server.path`. The function has no state and writes no log: the same handshake in the same
 * context gets the same decision. The checks run in this order, and the first failure decides:
 *
 * upgrade headers, origin, drain and capacity, ban and handshake rate of the address, subprotocol, token or ticket, ban
 * and handshake rate of the user, required role, connection cap of the user. An address that is banned or over its rate
 * is refused only without a valid credential ({@linkcode Toll}).
 *
 * The caller counts the accepted connection before it awaits anything else. Otherwise two handshakes could share the
 * last place.
 */
export async function admit(
  handshake: Handshake,
  peer: Peer,
  context: AdmissionContext,
): Promise<Accepted | Refusal> {
  const refusal = checkUpgrade(handshake) ?? await checkOrigin(handshake, context) ?? checkCapacity(context);
  if (refusal !== null) return refusal;

  const { admission, handlers, auth } = context.config;
  const toll = new Toll(peer.ip, context);
  const offer = readOffer(handshake.headers.get("sec-websocket-protocol"));
  const credential: Credential = offer === null ? { kind: "none" } : findCredential(handshake, offer, auth);
  if (toll.refusal !== null && credential.kind !== "token" && credential.kind !== "ticket") return toll.refusal;
  if (offer === null) return refuse("bad_request", { detail: "Sec-WebSocket-Protocol is malformed" });
  const choice = chooseSubprotocol(
    offer,
    handlers.map((handler) => handler.subprotocol),
    admission.require_subprotocol,
  );
  if (!choice.ok) return refuse(choice.reason);

  const identity = await toll.judge(() => identify(credential, handshake, context), () => context.gone());
  if (isRefusal(identity)) return identity;
  return checkUser(identity, context) ?? { accepted: true, identity, subprotocol: choice.subprotocol };
}

/**
 * Checks the origin, before any check that depends on state. A ticket sent from a wrong origin may be stolen, so it is
 * used up.
 */
async function checkOrigin({ headers, url }: Handshake, context: AdmissionContext): Promise<Refusal | null> {
  const { admission, auth } = context.config;
  const origin = headers.get("origin");
  const mayBeMissing = admission.allow_missing_origin && auth.sources.includes("header") &&
    bearerToken(headers) !== null;
  const verdict = judgeOrigin(origin, context.origins, mayBeMissing);
  if (verdict === "allowed") return null;
  const ticket = ticketOf(url);
  if (ticket !== null && auth.sources.includes("ticket")) {
    await context.redeemTicket(ticket, origin ?? "").catch(() => null);
  }
  return refuse(verdict);
}

function checkCapacity({ draining, cutOff, full, overloaded, config }: AdmissionContext): Refusal | null {
  if (draining) return refuse("draining", { retryAfter: retrySeconds(config.server.drain_timeout) });
  if (cutOff) return refuse("cluster_unavailable", { retryAfter: CLUSTER_RETRY_S });
  if (full) return refuse("server_full", { retryAfter: CAPACITY_RETRY_S });
  if (overloaded) return refuse("overloaded", { retryAfter: CAPACITY_RETRY_S });
  return null;
}

async function identify(credential: Credential, handshake: Handshake, context: AdmissionContext): Promise<Known> {
  switch (credential.kind) {
    case "none":
      return { ok: false, reason: "token_missing", detail: "No configured source has a token" };
    case "conflict":
      return { ok: false, reason: "bad_request", detail: credential.detail };
    case "token":
      return await context.verify(credential.token);
    case "ticket":
      return await redeem(credential.ticket, handshake.headers.get("origin") ?? "", context);
  }
}

async function redeem(ticket: string, origin: string, context: AdmissionContext): Promise<Known> {
  try {
    const identity = await context.redeemTicket(ticket, origin);
    if (identity !== null) return { ok: true, identity };
    return { ok: false, reason: "ticket_invalid", detail: "Unknown, used, expired, or of another origin" };
  } catch (error) {
    if (!(error instanceof ClusterUnavailable)) throw error;
    return { ok: false, reason: "cluster_unavailable", detail: error.message };
  }
}

/** The checks that depend on the user: ban, role, connection cap. */
function checkUser({ user, roles }: Identity, context: AdmissionContext): Refusal | null {
  const { auth, server } = context.config;
  if (auth.required_role !== undefined && !roles.includes(auth.required_role)) {
    return refuse("forbidden", { detail: "The token lacks auth.required_role" });
  }
  if (context.userConnections(user) >= server.max_connections_per_user) {
    return refuse("too_many_connections", { retryAfter: CAPACITY_RETRY_S });
  }
  return null;
}
