/** What a bucket allows: tokens a second in the long run, and at once after a rest. May be changed while buckets use it. */
export interface Rate {
  rate: number;
  burst: number;
}

/** Tokens by which a sum of fractions may miss a whole one; what is missing is owed, so nothing is gained by it. */
const SLACK = 1e-6;

/**
 * A token bucket: starts with `burst` tokens, gains `rate` a second up to `burst`, and what is done costs tokens. In any
 * window of t seconds at most `burst + rate × t` tokens are spent, and who stays below that is never refused.
 *
 * A cost above `burst` could never be had: it passes when the bucket is full and leaves it in debt, so that the long-run
 * rate holds all the same. When the clock goes back nothing is lost or gained: the refill goes on from the new time. Three
 * numbers of state, no timer, no allocation.
 *
 * While the server sheds load, callers ask for more than a thing's plain cost. A second count of tokens (`due`) is spent at
 * plain cost: it tells whether the same would have been refused without shedding.
 */
export class TokenBucket {
  readonly #limit: Readonly<Rate>;
  #tokens: number;
  #due: number;
  #at: number;

  /** `limit` is shared, not copied: changing it changes all buckets made with it. `now` is in milliseconds. */
  constructor(limit: Readonly<Rate>, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#due = limit.burst;
    this.#at = now;
  }

  /** Spends `cost` tokens and returns 0, or spends nothing and returns the milliseconds until they would be there. */
  take(cost: number, now: number): number {
    const wait = this.wait(cost, now);
    if (wait === 0) this.spend(cost);
    return wait;
  }

  /**
   * What `take` would return, without spending: ask several buckets, then `spend` from all or none. `paid` is what the same
   * request has spent just before: a cost above the burst passes when the bucket is full but for that.
   */
  wait(cost: number, now: number, paid = 0): number {
    const { rate, burst } = this.#limit;
    const elapsed = now - this.#at;
    this.#at = now;
    const gained = elapsed > 0 ? elapsed * rate / 1000 : 0;
    const tokens = this.#tokens + gained;
    this.#tokens = tokens < burst ? tokens : burst;
    const due = this.#due + gained;
    this.#due = due < burst ? due : burst;
    const most = burst - paid;
    const missing = (cost < most ? cost : most) - this.#tokens;
    return missing > SLACK ? missing / rate * 1000 : 0;
  }

  /** Spends tokens that `wait` has just found. `plain` is the cost without shedding. */
  spend(cost: number, plain = cost): void {
    this.#tokens -= cost;
    this.#due -= plain;
  }

  /** What `wait` has refused: whether `plain` tokens would be there if nothing had been shed. */
  affords(plain: number, paid = 0): boolean {
    return plain === 0 || Math.min(plain, this.#limit.burst - paid) - this.#due <= SLACK;
  }

  /** Spends what a refused thing would have cost without shedding. */
  excuse(plain: number): void {
    this.#due -= plain;
  }

  /** Puts back tokens that were spent for something that turned out to be free. */
  giveBack(cost: number): void {
    const { burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + cost);
    this.#due = Math.min(burst, this.#due + cost);
  }

  /** Spends `cost` tokens whether there or not, down to a debt of one burst: for what has already happened. */
  charge(cost: number, now: number): void {
    this.wait(0, now);
    const floor = -this.#limit.burst;
    this.#tokens = Math.max(this.#tokens - cost, Math.min(this.#tokens, floor));
    this.#due = Math.max(this.#due - cost, Math.min(this.#due, floor));
  }

  /** A full bucket is as good as a new one. */
  full(now: number): boolean {
    this.wait(0, now);
    return Math.min(this.#tokens, this.#due) >= this.#limit.burst - SLACK;
  }
}
