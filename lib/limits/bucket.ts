/**
 * The rate of a bucket: `rate` tokens a second in the long run, and `burst` tokens at once. May be changed while
 * buckets use it.
 */
export interface Rate {
  rate: number;
  burst: number;
}

/** Tolerance in tokens for sums of fractions. The missing part is owed, so nothing is gained. */
const SLACK = 1e-6;

/**
 * A token bucket. It starts with `burst` tokens and gains `rate` a second up to `burst`. In any window of t seconds at
 * most `burst + rate × t` tokens are spent, and a caller below that is never refused.
 *
 * A cost above `burst` passes when the bucket is full and leaves a debt, so that the long-run rate still holds. When
 * the clock goes back, nothing is lost or gained: the refill continues from the new time. The state is three numbers;
 * there is no timer and no allocation.
 *
 * While the server sheds load, callers ask for more than the plain cost. A second count of tokens (`due`) is spent at
 * plain cost. It tells whether the same request would have been refused without shedding.
 */
export class TokenBucket {
  readonly #limit: Readonly<Rate>;
  #tokens: number;
  #due: number;
  #at: number;

  /** `limit` is shared, not copied: a change affects all buckets made with it. `now` is in milliseconds. */
  constructor(limit: Readonly<Rate>, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#due = limit.burst;
    this.#at = now;
  }

  /** Spends `cost` tokens and returns 0, or spends nothing and returns the milliseconds until they are available. */
  take(cost: number, now: number): number {
    const wait = this.wait(cost, now);
    if (wait === 0) this.spend(cost);
    return wait;
  }

  /**
   * The result of `take`, without spending. Callers ask several buckets, then `spend` from all or none. `paid` is the
   * amount that the same request has already spent: a cost above the burst passes when the bucket is full except for
   * that.
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

  /** Spends tokens after `wait` returned 0. `plain` is the cost without shedding. */
  spend(cost: number, plain = cost): void {
    this.#tokens -= cost;
    this.#due -= plain;
  }

  /** After a refusal by `wait`: whether `plain` tokens would be available without shedding. */
  affords(plain: number, paid = 0): boolean {
    return plain === 0 || Math.min(plain, this.#limit.burst - paid) - this.#due <= SLACK;
  }

  /** Spends the plain cost of a refused request. */
  excuse(plain: number): void {
    this.#due -= plain;
  }

  /** Returns tokens of a request that turned out to be free. */
  giveBack(cost: number): void {
    const { burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + cost);
    this.#due = Math.min(burst, this.#due + cost);
  }

  /**
   * Spends `cost` tokens even when they are missing, down to a debt of so many `bursts`, for an event that has already
   * happened.
   */
  charge(cost: number, now: number, bursts = 1): void {
    this.wait(0, now);
    const floor = -this.#limit.burst * bursts;
    this.#tokens = Math.max(this.#tokens - cost, Math.min(this.#tokens, floor));
    this.#due = Math.max(this.#due - cost, Math.min(this.#due, floor));
  }

  /** Whether the bucket is full, and so equal to a new one. */
  full(now: number): boolean {
    this.wait(0, now);
    return Math.min(this.#tokens, this.#due) >= this.#limit.burst - SLACK;
  }
}
