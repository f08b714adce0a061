/**
 * The allowance of unsolicited operations of a module: a base rate, and a part for each client message it received. The
 * cell throws at a handler that exceeds it; the host, with twice the allowance, ends a cell that does not.
 */
const ALLOWANCE = {
  /** Operations a second, and the maximum saved up. */
  ops: 20_000,
  /** Further operations for each message received. */
  ops_each: 64,
  /** Bytes a second, and the maximum saved up. */
  bytes: 32 * 1024 * 1024,
  /** Further bytes for each message received. */
  bytes_each: 256 * 1024,
} as const;

/** Counts unsolicited operations against the allowance, on both ends of the wire. */
export class Allowance {
  #ops: number;
  #bytes: number;
  #at: number;
  readonly #factor: number;

  /** `factor` is 1 in the cell, and larger in the host, whose clock differs slightly. `now` in milliseconds. */
  constructor(factor: number, now: number) {
    this.#factor = factor;
    this.#ops = ALLOWANCE.ops * factor;
    this.#bytes = ALLOWANCE.bytes * factor;
    this.#at = now;
  }

  /** The cell received `count` client messages. */
  earn(count: number): void {
    this.#ops = Math.min(this.#ops + count * ALLOWANCE.ops_each * this.#factor, 64 * ALLOWANCE.ops * this.#factor);
    this.#bytes = Math.min(
      this.#bytes + count * ALLOWANCE.bytes_each * this.#factor,
      8 * ALLOWANCE.bytes * this.#factor,
    );
  }

  /** Takes one operation of `bytes`; false when the allowance is used up. `now` is called only when necessary. */
  take(bytes: number, now: () => number): boolean {
    if (this.#ops < 1 || this.#bytes < bytes) {
      this.#refill(now());
      if (this.#ops < 1 || this.#bytes < bytes) return false;
    }
    this.#ops--;
    this.#bytes -= bytes;
    return true;
  }

  #refill(now: number): void {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    const most = this.#factor;
    this.#ops = Math.max(this.#ops, Math.min(this.#ops + ALLOWANCE.ops * most * seconds, ALLOWANCE.ops * most));
    this.#bytes = Math.max(
      this.#bytes,
      Math.min(this.#bytes + ALLOWANCE.bytes * most * seconds, ALLOWANCE.bytes * most),
    );
  }
}
