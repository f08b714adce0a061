/** Finds a cell that uses CPU without calls: native threads, endless timers. */

/** Cores that a cell may use: with pending calls, and without. */
const BUSY_CORES = 1.25;
const IDLE_CORES = 0.25;

export class CpuWatch {
  readonly #most: number;
  #at: number;
  #cpuMs = 0;
  #excessMs = 0;
  #asked = false;

  /**
   * `timeout` is the maximum time of a call (ms), and the allowed excess of CPU time. `now` is monotonic, in
   * milliseconds.
   */
  constructor(timeout: number, now: number) {
    this.#most = Math.max(timeout, 1000);
    this.#at = now;
  }

  /** The cell received an operation. */
  asked(): void {
    this.#asked = true;
  }

  /**
   * `cpuMs` is the CPU time since the start of the process. Returns the excess (ms) if it is above the limit, otherwise
   * null.
   */
  look(now: number, cpuMs: number, pending: boolean): number | null {
    const allowed = (pending || this.#asked ? BUSY_CORES : IDLE_CORES) * (now - this.#at);
    this.#excessMs = Math.max(0, this.#excessMs + cpuMs - this.#cpuMs - allowed);
    this.#at = now;
    this.#cpuMs = cpuMs;
    this.#asked = false;
    return this.#excessMs > this.#most ? Math.round(this.#excessMs) : null;
  }
}
