/** Checks every cell several times a second: deadlines of calls, signs of life. */
import type { Pool } from "./pool.ts";

/** Maximum time between two checks (ms). */
const LONGEST_MS = 50;

export class Watchdog {
  readonly #pools: readonly Pool[];
  readonly #now: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #every: number;
  #last: number;

  /** `now` is monotonic, in milliseconds. */
  constructor(pools: readonly Pool[], now: () => number) {
    this.#pools = pools;
    this.#now = now;
    this.#last = now();
    const shortest = Math.min(...pools.map(({ settings }) => settings.timeout));
    this.#every = Math.max(5, Math.min(LONGEST_MS, shortest / 10));
    this.#timer = setInterval(() => this.look(), this.#every);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const now = this.#now();
    const late = now - this.#last;
    this.#last = now;
    // After a delay of this process, answers of cells may be unread: checks again first.
    if (late > this.#every * 3 + 100) return;
    for (const pool of this.#pools) pool.tick(now);
  }
}
