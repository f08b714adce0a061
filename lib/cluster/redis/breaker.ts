/** Keeps calls from waiting for a server that does not answer in time. */

const FAILURES = 3;
const LEAST_MS = 100;
const MOST_MS = 5_000;

/**
 * After three failures in a row, calls are refused at once. After a random part of a time that doubles from 100 ms to 5
 * seconds, one call is let through; when it succeeds, all are.
 */
export class Breaker {
  readonly #now: () => number;
  readonly #random: () => number;
  #failures = 0;
  #waitMs = LEAST_MS;
  #retryAt = 0;
  #trying = false;

  constructor(now: () => number, random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
  }

  /** Whether a call may be made. Its result is to be told by `succeeded` or `failed`. */
  admits(): boolean {
    if (this.#failures < FAILURES) return true;
    if (this.#trying || this.#now() < this.#retryAt) return false;
    this.#trying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#waitMs = LEAST_MS;
    this.#trying = false;
  }

  failed(): void {
    this.#trying = false;
    if (++this.#failures < FAILURES) return;
    this.#retryAt = this.#now() + this.#random() * this.#waitMs;
    this.#waitMs = Math.min(MOST_MS, this.#waitMs * 2);
  }
}
