/** `POST /ticket`: exchanges a token in the header for a one-time ticket, which can be part of a URL. */
import { ClusterUnavailable } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import { type Handshake, type Peer, type Refusal, refuse, retrySeconds, type Verified } from "../gate/gate.ts";
import { bearerToken } from "./credentials.ts";
import { judgeOrigin, type OriginSet } from "./origin.ts";
import type { IssuedTicket, Tickets } from "./tickets.ts";
import { CLUSTER_RETRY_S, isRefusal, Toll, type TollDeps } from "./toll.ts";

/** Collaborators of the endpoint. */
export interface TicketEndpointDeps extends TollDeps {
  readonly config: Config;
  readonly origins: OriginSet;
  readonly tickets: Tickets;
  verify(token: string): Promise<Verified>;
  /** Takes one preflight from the address' bucket. Returns 0, or the milliseconds until one is available. */
  takePreflight(ip: string): number;
  /** Takes one ticket from the user's bucket. Returns 0, or the milliseconds until one is available. */
  takeTicket(user: string): number;
  /** Logs, counts and answers a refusal. */
  refused(handshake: Handshake, peer: Peer, refusal: Refusal): Response;
  /** Header fields of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Seconds for which a browser may cache the answer to a preflight. */
const PREFLIGHT_MAX_AGE = "600";

/**
 * Creates the handler of `/ticket`. `OPTIONS` from an allowed origin is the preflight (Fetch standard, CORS protocol):
 * 204. `POST` is checked in this order: origin, ban and handshake rate of the address, token, ban and handshake rate of
 * the user, required role, ticket rate of the user. As in a handshake, a request with a token is judged even when the
 * address is banned or over its rate ({@linkcode Toll}). Pages of allowed origins can read every answer, refusals
 * included, which is impossible for a failed handshake.
 */
export function createTicketEndpoint(deps: TicketEndpointDeps): (request: Request, peer: Peer) => Promise<Response> {
  return async (request, peer) => {
    // The request has no body by contract, so none is read.
    await request.body?.cancel();
    const handshake: Handshake = { method: request.method, url: new URL(request.url), headers: request.headers };
    const origin = request.headers.get("origin");
    const allowed = judgeOrigin(origin, deps.origins, false);
    if (origin === null || allowed !== "allowed") {
      const reason = allowed === "allowed" ? "origin_missing" : allowed;
      return deps.refused(handshake, peer, refuse(reason, { headers: { Vary: "Origin" } }));
    }
    const cors = {
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Expose-Headers": "Retry-After",
      Vary: "Origin",
    };
    if (request.method === "OPTIONS") {
      const wait = deps.takePreflight(peer.ip);
      if (wait === 0) return preflight(deps, cors);
      return deps.refused(handshake, peer, refuse("rate_limited", { retryAfter: retrySeconds(wait), headers: cors }));
    }
    const outcome = request.method === "POST"
      ? await issue(deps, peer, origin, request.headers)
      : refuse("method_not_allowed", { headers: { Allow: "POST, OPTIONS" } });
    if ("ticket" in outcome) return Response.json(outcome, { headers: { ...deps.headers, ...cors } });
    return deps.refused(handshake, peer, { ...outcome, headers: { ...outcome.headers, ...cors } });
  };
}

function preflight({ headers }: TicketEndpointDeps, cors: Record<string, string>): Response {
  const allowed = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": PREFLIGHT_MAX_AGE,
  };
  return new Response(null, { status: 204, headers: { ...headers, ...cors, ...allowed } });
}

async function issue(
  deps: TicketEndpointDeps,
  { ip }: Peer,
  origin: string,
  headers: Headers,
): Promise<IssuedTicket | Refusal> {
  const toll = new Toll(ip, deps);
  const token = bearerToken(headers);
  if (token === null) return toll.refusal ?? refuse("token_missing");
  const identity = await toll.judge(() => deps.verify(token), () => false);
  if (isRefusal(identity)) return identity;
  const { required_role } = deps.config.auth;
  if (required_role !== undefined && !identity.roles.includes(required_role)) return refuse("forbidden");
  const limited = deps.takeTicket(identity.user);
  if (limited > 0) return refuse("rate_limited", { retryAfter: retrySeconds(limited) });
  try {
    return await deps.tickets.issue(identity, origin) ??
      refuse("overloaded", { retryAfter: 5, detail: "Too many unredeemed tickets" });
  } catch (error) {
    if (error instanceof ClusterUnavailable) return refuse("cluster_unavailable", { retryAfter: CLUSTER_RETRY_S });
    throw error;
  }
}
