/** Bounds the log lines of one module, so that it can't drown those of others. */

/** Lines a second, and the most at once. */
const LINES_PER_SECOND = 50;
const BURST_LINES = 200;

export class LogAllowance {
  readonly #now: () => number;
  #lines = BURST_LINES;
  #at: number;
  #suppressed = 0;

  /** `now` is monotonic, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#at = now();
  }

  /** Takes one line: null when it must be left out, else how many were left out before it. */
  take(): number | null {
    const now = this.#now();
    this.#lines = Math.min(BURST_LINES, this.#lines + (now - this.#at) * LINES_PER_SECOND / 1000);
    this.#at = now;
    if (this.#lines < 1) {
      this.#suppressed++;
      return null;
    }
    this.#lines--;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
