import type { Load } from "./overload.ts";

const INTERVAL_MS = 100;

/** Ticks over which the median is taken: three of five must be late, so a single long pause (garbage collection) is not. */
const TICKS = 5;

export interface SamplerOptions {
  /** Called ten times a second (less often when late), with the time on the same clock. */
  readonly onSample: (load: Load, now: number) => void;
  /** Work not yet begun, as in {@linkcode Load}. */
  readonly queueDepth: () => number;
  /** The part used of the smallest limit of memory. */
  readonly memory: () => number;
  /** Milliseconds on a clock that nobody sets. Default `performance.now`. */
  readonly monotonic?: () => number;
}

/** Measures by one timer how late the event loop runs, and hands that on with the other figures of load. */
export class LoadSampler {
  readonly #options: SamplerOptions;
  readonly #monotonic: () => number;
  readonly #delays: number[] = [];
  #timer: number | undefined;
  #due = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Begins to sample. The timer does not keep the process alive. */
  start(): void {
    this.stop();
    this.#due = this.#monotonic() + INTERVAL_MS;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What the timer does when it fires: takes its lateness and samples. */
  tick(): void {
    const now = this.#monotonic();
    this.#delays.push(Math.max(0, now - this.#due));
    if (this.#delays.length > TICKS) this.#delays.shift();
    this.#due = now + INTERVAL_MS;
    const { queueDepth, memory, onSample } = this.#options;
    onSample({ delayMs: this.delayMs, queueDepth: queueDepth(), memory: memory() }, now);
  }

  /** The median lateness of the last half second or more. 0 until there are enough ticks to tell. */
  get delayMs(): number {
    if (this.#delays.length < TICKS) return 0;
    return [...this.#delays].sort((a, b) => a - b)[TICKS >> 1]!;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.tick();
      if (this.#timer !== undefined) this.#schedule();
    }, INTERVAL_MS) as unknown as number;
    Deno.unrefTimer(this.#timer);
  }
}
