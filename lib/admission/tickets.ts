/** One-time tickets, which replace the token in a URL, because URLs end up in logs. */
import type { Identity } from "../gate/gate.ts";
import type { SharedState } from "../cluster/cluster.ts";
import { digest } from "../base/equal_secrets.ts";
import { parseOrigin } from "./origin.ts";
import { isCanonicalBase64url } from "./token/token_form.ts";

const SPACE = "ticket";
const LIFETIME_MS = 30_000;
const TICKET_BYTES = 32;
/** 32 bytes in base64url. */
const TICKET_LENGTH = 43;
/** Unredeemed tickets at most. With 30 s each, this covers a reconnection of every client of a large server. */
const MAX_LIVE = 100_000;

/** The answer of `POST /ticket`; `expires_in` is in seconds. */
export interface IssuedTicket {
  readonly ticket: string;
  readonly expires_in: number;
}

export interface TicketsDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic clock in milliseconds, for the number of unredeemed tickets. Default `now`. */
  readonly steady?: () => number;
  readonly isRevoked?: (identity: Identity) => boolean;
}

/** The part of the shared state that holds tickets. */
export type SharedTickets = Pick<SharedState, "put" | "take">;

/**
 * Issues and redeems tickets. A ticket is 256 random bits, opaque, valid for 30 seconds and one use from the origin it
 * was issued to, on any node. The shared state contains only its hash, so reading that does not reveal a ticket. The
 * identity is that of the token, `exp` included: a ticket does not extend it.
 */
export class Tickets {
  readonly #state: SharedTickets;
  readonly #deps: TicketsDeps;
  /** Expiry times of the tickets of this node, oldest first. */
  #expiries: number[] = [];

  constructor(state: SharedTickets, deps: TicketsDeps) {
    this.#state = state;
    this.#deps = deps;
  }

  /**
   * Issues a ticket. Null when too many are unredeemed, or the origin is invalid.
   *
   * @throws {ClusterUnavailable} when the shared state can't be reached
   */
  async issue(identity: Identity, origin: string): Promise<IssuedTicket | null> {
    const now = (this.#deps.steady ?? this.#deps.now)();
    const boundTo = parseOrigin(origin);
    if (boundTo === null || !this.#hasRoom(now)) return null;
    const ticket = crypto.getRandomValues(new Uint8Array(TICKET_BYTES))
      .toBase64({ alphabet: "base64url", omitPadding: true });
    const key = await keyOf(ticket);
    await this.#state.put(SPACE, key, JSON.stringify({ origin: boundTo, identity }), LIFETIME_MS);
    this.#expiries.push(now + LIFETIME_MS);
    return { ticket, expires_in: LIFETIME_MS / 1000 };
  }

  /**
   * Redeems a ticket and removes it, whatever the result. Of several concurrent calls exactly one gets the identity
   * ({@linkcode SharedState.take}). Null when the ticket is unknown, used, expired or of another origin, or its token
   * has expired.
   *
   * @throws {ClusterUnavailable} when the shared state can't be reached; the ticket may be used up
   */
  async redeem(ticket: string, origin: string): Promise<Identity | null> {
    if (ticket.length !== TICKET_LENGTH || !isCanonicalBase64url(ticket)) return null;
    const record = await this.#state.take(SPACE, await keyOf(ticket));
    if (record === undefined) return null;
    const { origin: boundTo, identity } = JSON.parse(record) as { origin: string; identity: Identity };
    if (parseOrigin(origin) !== boundTo) return null;
    if (identity.expiresAt <= this.#deps.now() || this.#deps.isRevoked?.(identity)) return null;
    return identity;
  }

  #hasRoom(now: number): boolean {
    if (this.#expiries.length < MAX_LIVE) return true;
    if ((this.#expiries[0] ?? 0) > now) return false;
    this.#expiries = this.#expiries.filter((expiry) => expiry > now);
    return this.#expiries.length < MAX_LIVE;
  }
}

async function keyOf(ticket: string): Promise<string> {
  return (await digest(ticket)).toBase64({ alphabet: "base64url", omitPadding: true });
}
