import { ALLOWANCE } from "./wire.ts";

/** Counts what a cell says unasked against what it may (`ALLOWANCE`), on either end of the wire. */
export class Allowance {
  #ops: number;
  #bytes: number;
  #at: number;
  readonly #factor: number;

  /** `factor` 1 in the cell, more in the main isolate, whose clock and batches differ a little. `now` in ms. */
  constructor(factor: number, now: number) {
    this.#factor = factor;
    this.#ops = ALLOWANCE.ops * factor;
    this.#bytes = ALLOWANCE.bytes * factor;
    this.#at = now;
  }

  /** The cell was given `count` operations, or their operands: the main isolate counts those, to be the more lenient. */
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
