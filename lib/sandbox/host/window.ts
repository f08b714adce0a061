/**
 * How much a cell is given before it reports: as little as keeps it busy, so that a call waits for as few others as possible. A cell
 * that ran out of work while there was more gets more, one that had some left at every report gets less, as a network card does
 * (Linux, lib/dynamic_queue_limits.c).
 */

const FIRST_UNITS = 512;
const MIN_UNITS = 4;
const MAX_UNITS = 4096;
const GROWTH = 1.25;
/** Reports over which the least that was left is found. */
const REPORTS = 16;

export class Window {
  #units = FIRST_UNITS;
  #slack = Infinity;
  #reports = 0;

  /** Units that may be on their way. */
  get units(): number {
    return this.#units;
  }

  /** The cell has reported, while more was waiting for it, and has `left` units to do of what it was sent. */
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
