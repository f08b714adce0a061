/** Payment for judging a credential: by the address until the credential is proven, then by its user. */
import { type Identity, type Reason, type Refusal, refuse, retrySeconds } from "../gate/gate.ts";

/** `Retry-After` in seconds while the other nodes can't be reached. */
export const CLUSTER_RETRY_S = 5;

/** Buckets and bans that apply to a credential. Times are milliseconds. */
export interface TollDeps {
  /** Remaining time of the address' ban; 0 when there is none. */
  addressBanned(ip: string): number;
  /** Takes one handshake from the address' bucket. Returns 0, or the time until one is available. */
  takeHandshake(ip: string): number;
  /** Returns the handshake to the address' bucket. */
  returnHandshake(ip: string): void;
  /** Takes one handshake from the user's bucket. Returns 0, or the time until one is available. */
  takeUserHandshake(user: string): number;
  /**
   * Resolves when no other credential of the address is judged out of turn. The result is a function that ends the
   * turn.
   */
  turn(ip: string): Promise<() => void>;
  /** The address sent a token with an invalid signature or form. */
  forged(ip: string): void;
  /** Remaining time of the user's ban; 0 when there is none. */
  userBanned(user: string): number;
}

/** The result of judging a credential; `detail` is for the log. */
export type Known =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string };

/** Reasons that only a formerly valid credential can have. */
const WAS_VALID: ReadonlySet<Reason> = new Set(["token_expired", "token_revoked"]);

/**
 * One handshake, or one request for a ticket, of an address.
 *
 * It takes a token of the address. Without one, or while the address is banned, a credential is still judged, but out
 * of turn: one of the address at a time. A valid credential is paid from the user's bucket, and the address gets its
 * token back.
 */
export class Toll {
  readonly #ip: string;
  readonly #deps: TollDeps;
  readonly #banned: number;
  readonly #wait: number;

  constructor(ip: string, deps: TollDeps) {
    this.#ip = ip;
    this.#deps = deps;
    this.#banned = deps.addressBanned(ip);
    this.#wait = this.#banned > 0 ? this.#banned : deps.takeHandshake(ip);
  }

  /** The refusal of a request without a credential; null when the address has paid. */
  get refusal(): Refusal | null {
    if (this.#wait === 0) return null;
    return refuse(this.#banned > 0 ? "banned" : "rate_limited", { retryAfter: retrySeconds(this.#wait) });
  }

  /**
   * Judges the credential, and takes a token of its user. A credential judged out of turn that never was valid gets the
   * same refusal as no credential. A formerly valid one gets its own reason, because its client can get another.
   *
   * @param identify judges the credential
   * @param gone whether the client has left; the credential is then not judged
   */
  async judge(identify: () => Promise<Known>, gone: () => boolean): Promise<Identity | Refusal> {
    const known = await this.#inTurn(identify, gone);
    if (!known.ok) {
      if (known.reason === "token_invalid") this.#deps.forged(this.#ip);
      const unpaid = WAS_VALID.has(known.reason) ? null : this.refusal;
      // Two different tokens are no offence: the cookie of a page may be older than its header.
      const blameless = known.reason === "bad_request" ? { blameless: true } : {};
      const told = known.reason === "cluster_unavailable" ? { retryAfter: CLUSTER_RETRY_S } : {};
      return { ...unpaid ?? refuse(known.reason, told), ...blameless, detail: known.detail };
    }
    const { user } = known.identity;
    const banned = this.#deps.userBanned(user);
    if (banned > 0) return refuse("banned", { retryAfter: retrySeconds(banned) });
    const wait = this.#deps.takeUserHandshake(user);
    // The address' token stays spent, so that the flood of one user reaches the limit of its address.
    if (wait > 0) {
      return refuse("rate_limited", { retryAfter: retrySeconds(wait), detail: "limits.handshake_user" });
    }
    if (this.#wait === 0) this.#deps.returnHandshake(this.#ip);
    return known.identity;
  }

  async #inTurn(identify: () => Promise<Known>, gone: () => boolean): Promise<Known> {
    if (this.#wait === 0) return await identify();
    const end = await this.#deps.turn(this.#ip);
    try {
      return gone() ? { ok: false, reason: "timeout", detail: "The client has left" } : await identify();
    } finally {
      end();
    }
  }
}

/** Whether the outcome is a refusal. */
export function isRefusal(outcome: Identity | Refusal): outcome is Refusal {
  return "accepted" in outcome;
}
