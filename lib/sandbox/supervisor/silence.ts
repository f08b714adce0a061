/** Measures silence of a process. */

/** Interval of the checks. */
export const LOOK_MS = 250;

/**
 * Measures the time without a sign of life. A late check, because the process was stopped or the machine slept, counts
 * as one interval.
 */
export class Silence {
  #milliseconds = 0;

  /** Records a sign of life. */
  broken(): void {
    this.#milliseconds = 0;
  }

  /** Called `elapsed` ms after the previous check. Returns the duration of the silence in ms. */
  look(elapsed: number): number {
    return this.#milliseconds += Math.min(Math.max(elapsed, 0), 2 * LOOK_MS);
  }
}
