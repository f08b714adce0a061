/** Finds a cell that uses CPU which nothing asked for: native threads that go on, endless timers. */

/** Cores that a cell may use: while calls are pending, and by timers of its own when none was for a while. */
const BUSY_CORES = 1.25;
const IDLE_CORES = 0.25;

export class CpuWatch {
  readonly #most: number;
  #at: number;
  #cpuMs = 0;
  #excessMs = 0;
  #asked = false;

  /** `timeout` is how long (ms) a call may take; as much CPU may be used in excess. `now` is monotonic, in milliseconds. */
  constructor(timeout: number, now: number) {
    this.#most = Math.max(timeout, 1000);
    this.#at = now;
  }

  /** The cell was given something to do. */
  asked(): void {
    this.#asked = true;
  }

  /** `cpuMs` is what the process has used since its start. Returns the excess (ms) when it is too much, else null. */
  look(now: number, cpuMs: number, pending: boolean): number | null {
    const allowed = (pending || this.#asked ? BUSY_CORES : IDLE_CORES) * (now - this.#at);
    this.#excessMs = Math.max(0, this.#excessMs + cpuMs - this.#cpuMs - allowed);
    this.#at = now;
    this.#cpuMs = cpuMs;
    this.#asked = false;
    return this.#excessMs > this.#most ? Math.round(this.#excessMs) : null;
  }
}
