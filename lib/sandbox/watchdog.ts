/** Looks at every cell a few times a second: deadlines, signs of life, memory outside the heap. */
import type { Cell } from "./cell.ts";
import type { Pool } from "./pool.ts";

/** Longest time between two looks (ms). */
const LONGEST_MS = 50;
/** A cell is suspected only when it has said nothing for so long (ms). */
const SUSPECT_MS = 30;
/** Growth of the process that nobody is blamed for, beyond twice the cell's `memory`: the main isolate's own, and the allocator's. */
const SLACK = 64 * 1024 * 1024;

export class Watchdog {
  readonly #pools: readonly Pool[];
  readonly #now: () => number;
  readonly #rss: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #every: number;
  #last: number;

  /** `rss` gives the resident bytes of the process. */
  constructor(pools: readonly Pool[], now: () => number, rss = () => Deno.memoryUsage().rss) {
    this.#pools = pools;
    this.#now = now;
    this.#rss = rss;
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
    // When we ourselves were held up, the cells' answers are still waiting to be read: look again first.
    if (late > this.#every * 3 + 100) return;
    for (const pool of this.#pools) pool.tick(now);
    this.#memory(now);
  }

  /**
   * Buffers are outside the heap limit, and a cell that fills them in one go answers nothing meanwhile. So when the process grows
   * while a cell is silent, the one that has been silent longest is ended.
   */
  #memory(now: number): void {
    const rss = this.#rss();
    let guilty: { cell: Cell; silent: number } | undefined;
    for (const { slots, settings } of this.#pools) {
      for (const { cells } of slots) {
        for (const cell of cells) {
          const silent = cell.silent(now);
          if (silent < SUSPECT_MS || cell.rss === 0) cell.rss = rss;
          else if (rss - cell.rss > 2 * settings.memory + SLACK && silent > (guilty?.silent ?? 0)) {
            guilty = { cell, silent };
          }
        }
      }
    }
    guilty?.cell.end("out_of_memory", `the process grew by ${rss - guilty.cell.rss} bytes while the cell was busy`);
  }
}
