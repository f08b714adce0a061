import { type Identity, type Reason, type Refusal, refuse, retrySeconds } from "../gate/gate.ts";
/** What is paid for being judged: by the address until a credential is proven, then by its user. */

/** The buckets and bans that a credential is judged under. Times are milliseconds. */
export interface TollDeps {
  /** What is left of the address' ban, 0 when there is none. */
  addressBanned(ip: string): number;
  /** Takes one handshake from the address' bucket: 0, or the time until one could be taken. */
  takeHandshake(ip: string): number;
  /** Gives it back. */
  returnHandshake(ip: string): void;
  /** Takes one handshake from the user's bucket, likewise. */
  takeUserHandshake(user: string): number;
  /** Resolves when no other credential of the address is being judged out of turn; the result ends this turn. */
  turn(ip: string): Promise<() => void>;
  /** A token of the address is forged: its signature or its form is wrong. */
  forged(ip: string): void;
  /** What is left of the user's ban, 0 when there is none. */
  userBanned(user: string): number;
}

/** What became of a credential; `detail` is for the log. */
export type Known =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string };

/** Reasons that only a credential can have that was valid once. */
const WAS_VALID: ReadonlySet<Reason> = new Set(["token_expired", "token_revoked"]);

/**
 * One handshake, or one request for a ticket, of an address.
 *
 * It takes a token of the address. Without one, or while the address is banned, it is judged all the same if it brings a
 * credential, but out of turn: one of the address at a time, whatever the number of those who wait. Who proves to be
 * somebody pays from the user's bucket, and the address gets its token back.
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

  /** Why who brings no credential is refused; null when the address has paid. */
  get refusal(): Refusal | null {
    if (this.#wait === 0) return null;
    return refuse(this.#banned > 0 ? "banned" : "rate_limited", { retryAfter: retrySeconds(this.#wait) });
  }

  /**
   * Finds out who it is, and has the user pay. A credential judged out of turn that never was valid is refused as none would
   * be; one that was valid once is told so, since its client can get another.
   *
   * @param identify judges the credential
   * @param gone whether the client has left meanwhile: then nothing is judged
   */
  async judge(identify: () => Promise<Known>, gone: () => boolean): Promise<Identity | Refusal> {
    const known = await this.#inTurn(identify, gone);
    if (!known.ok) {
      if (known.reason === "token_invalid") this.#deps.forged(this.#ip);
      const unpaid = WAS_VALID.has(known.reason) ? null : this.refusal;
      // Two tokens that differ are no malformed request: the cookie of a page may be older than its header.
      const blameless = known.reason === "bad_request" ? { blameless: true } : {};
      return { ...unpaid ?? refuse(known.reason), ...blameless, detail: known.detail };
    }
    const { user } = known.identity;
    const banned = this.#deps.userBanned(user);
    if (banned > 0) return refuse("banned", { retryAfter: retrySeconds(banned) });
    const wait = this.#deps.takeUserHandshake(user);
    // The address' token stays spent, so that one user's flood meets the limit of its address.
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

/** Whether it is a refusal. */
export function isRefusal(outcome: Identity | Refusal): outcome is Refusal {
  return "accepted" in outcome;
}
