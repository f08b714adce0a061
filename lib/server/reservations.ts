/** Places reserved for accepted handshakes. */

interface Reservation {
  readonly user: string;
  readonly until: number;
}

/**
 * Places of accepted handshakes whose connection is not open yet, so that many handshakes judged at once can't all take
 * the last place. An unclaimed place expires.
 */
export class Reservations {
  readonly #ttlMs: number;
  readonly #lost: (user: string) => void;
  /** Ordered by expiry, because all last equally long. */
  readonly #held = new Map<object, Reservation>();
  readonly #byUser = new Map<string, number>();

  /** `lost` is called for each place whose connection will never be open. */
  constructor(ttlMs: number, lost: (user: string) => void = () => {}) {
    this.#ttlMs = ttlMs;
    this.#lost = lost;
  }

  /** Reserves a place for `user` until `holder` claims it. */
  add(holder: object, user: string, now: number): void {
    this.#held.set(holder, { user, until: now + this.#ttlMs });
    this.#byUser.set(user, (this.#byUser.get(user) ?? 0) + 1);
  }

  /** The connection is open now. False if the place has expired. */
  claim(holder: object): boolean {
    return this.#remove(holder) !== undefined;
  }

  /** The connection will never be open. */
  release(holder: object): void {
    const user = this.#remove(holder);
    if (user !== undefined) this.#lost(user);
  }

  #remove(holder: object): string | undefined {
    const reservation = this.#held.get(holder);
    if (!reservation) return undefined;
    this.#held.delete(holder);
    const rest = this.#byUser.get(reservation.user)! - 1;
    if (rest > 0) this.#byUser.set(reservation.user, rest);
    else this.#byUser.delete(reservation.user);
    return reservation.user;
  }

  count(now: number): number {
    this.#expire(now);
    return this.#held.size;
  }

  countOfUser(user: string, now: number): number {
    this.#expire(now);
    return this.#byUser.get(user) ?? 0;
  }

  #expire(now: number): void {
    for (const [holder, { until }] of this.#held) {
      if (until > now) return;
      this.release(holder);
    }
  }
}
