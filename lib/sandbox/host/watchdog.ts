/** Looks at every cell a few times a second: deadlines of calls, signs of life. */
import type { Pool } from "./pool.ts";

/** Longest time between two looks (ms). */
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
    // When we ourselves were held up, the cells' answers wait to be read: look again first.
    if (late > this.#every * 3 + 100) return;
    for (const pool of this.#pools) pool.tick(now);
  }
}
