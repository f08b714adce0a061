/**
 * The amount of work that a cell gets ahead of its reports. It is the least that keeps the cell busy, so that a call
 * waits behind few others. It grows when the cell ran out of work while calls waited, and shrinks when the cell had work
 * left at every report. Linux bounds the queue of a network card this way (lib/dynamic_queue_limits.c).
 */

export const BYTES_PER_UNIT = 128;

/** Units of an operation of `bytes`. */
export function unitsOf(bytes: number): number {
  return 1 + bytes / BYTES_PER_UNIT;
}

const FIRST_UNITS = 512;
const MIN_UNITS = 4;
const MAX_UNITS = 4096;
const GROWTH = 1.25;
/** Number of reports over which the least rest is taken. */
const REPORTS = 16;

export class Window {
  #units = FIRST_UNITS;
  #slack = Infinity;
  #reports = 0;

  /** Maximum of units on their way. */
  get units(): number {
    return this.#units;
  }

  /** Counts a report of the cell, which came while calls waited: `left` units were sent and are not begun. */
  reported(left: number): void {
    if (left <= 0) {
      this.#units = Math.min(this.#units * GROWTH, MAX_UNITS);
    } else {
      this.#slack = Math.min(this.#slack, left);
      if (++this.#reports < REPORTS) return;
      this.#units = Math.max(this.#units - this.#slack, this.#units / 2, MIN_UNITS);
    }
    this.#slack = Infinity;
    this.#reports = 0;
  }
}
