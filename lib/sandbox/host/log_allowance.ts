/** Limits the log lines of one module, so that they do not displace those of others. */

/** Lines a second, and the maximum at once. */
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

  /** Counts a line. Returns null if it must be dropped, otherwise the number of lines dropped before it. */
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
