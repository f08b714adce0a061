/** Between two looks, ms. */
export const LOOK_MS = 250;

/**
 * Milliseconds without a sign of life, as far as the one who looks was there to hear it: a look that comes late, because the
 * process did not run or the machine slept, counts as one in time.
 */
export class Silence {
  #milliseconds = 0;

  /** A sign of life. */
  broken(): void {
    this.#milliseconds = 0;
  }

  /** One more look, `elapsed` ms after the one before; returns how long nothing was heard. */
  look(elapsed: number): number {
    return this.#milliseconds += Math.min(Math.max(elapsed, 0), 2 * LOOK_MS);
  }
}
