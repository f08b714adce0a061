/**
 * How much a module may send unasked: a base per second, and a share for each message of a client that it was given. The cell
 * throws at a handler that exceeds it; the host, with twice the allowance, ends a cell that does not.
 */
const ALLOWANCE = {
  /** Operations a second, and the most that can be saved up. */
  ops: 20_000,
  /** Further operations for each message received. */
  ops_each: 64,
  /** Bytes a second, and the most that can be saved up. */
  bytes: 32 * 1024 * 1024,
  /** Further bytes for each message received. */
  bytes_each: 256 * 1024,
} as const;

/** Counts what a cell sends unasked against what it may, on either end of the wire. */
export class Allowance {
  #ops: number;
  #bytes: number;
  #at: number;
  readonly #factor: number;

  /** `factor` is 1 in the cell, more in the host, whose clock differs a little. `now` in milliseconds. */
  constructor(factor: number, now: number) {
    this.#factor = factor;
    this.#ops = ALLOWANCE.ops * factor;
    this.#bytes = ALLOWANCE.bytes * factor;
    this.#at = now;
  }

  /** The cell was given `count` messages of clients. */
  earn(count: number): void {
    this.#ops = Math.min(this.#ops + count * ALLOWANCE.ops_each * this.#factor, 64 * ALLOWANCE.ops * this.#factor);
    this.#bytes = Math.min(
      this.#bytes + count * ALLOWANCE.bytes_each * this.#factor,
      8 * ALLOWANCE.bytes * this.#factor,
    );
  }

  /** Takes one operation of `bytes`; false when there is nothing left. `now` is asked only when it might matter. */
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
