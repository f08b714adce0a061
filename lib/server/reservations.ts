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
  /** Ordered by expiry, because all last equally long. */
  readonly #held = new Map<object, Reservation>();
  readonly #byUser = new Map<string, number>();

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /** Reserves a place for `user` until `holder` claims it. */
  add(holder: object, user: string, now: number): void {
    this.#held.set(holder, { user, until: now + this.#ttlMs });
    this.#byUser.set(user, (this.#byUser.get(user) ?? 0) + 1);
  }

  /** Releases the place: its connection is open now, or never will be. */
  release(holder: object): void {
    const reservation = this.#held.get(holder);
    if (!reservation) return;
    this.#held.delete(holder);
    const rest = this.#byUser.get(reservation.user)! - 1;
    if (rest > 0) this.#byUser.set(reservation.user, rest);
    else this.#byUser.delete(reservation.user);
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
