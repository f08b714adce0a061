/** Samples the load of the process for the overload controller. */
import type { Load } from "./overload.ts";

const INTERVAL_MS = 100;

/** Ticks of the median. Three of five must be late, so that a single long pause (garbage collection) does not count. */
const TICKS = 5;

export interface SamplerOptions {
  /** Called ten times a second (less often when late), with the time on the same clock. */
  readonly onSample: (load: Load, now: number) => void;
  /** Queued work, as in {@linkcode Load}. */
  readonly queueDepth: () => number;
  /** The used part of the smallest memory limit. */
  readonly memory: () => number;
  /** Monotonic clock, in milliseconds. Default `performance.now`. */
  readonly monotonic?: () => number;
}

/** Measures the delay of the event loop with one timer, and passes it on with the other load figures. */
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

  /** Starts sampling. The timer does not keep the process alive. */
  start(): void {
    this.stop();
    this.#due = this.#monotonic() + INTERVAL_MS;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The callback of the timer: measures its delay and takes a sample. */
  tick(): void {
    const now = this.#monotonic();
    this.#delays.push(Math.max(0, now - this.#due));
    if (this.#delays.length > TICKS) this.#delays.shift();
    this.#due = now + INTERVAL_MS;
    const { queueDepth, memory, onSample } = this.#options;
    onSample({ delayMs: this.delayMs, queueDepth: queueDepth(), memory: memory() }, now);
  }

  /** Median delay over at least the last half second; 0 until there are enough ticks. */
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
