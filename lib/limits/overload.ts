import type { Log } from "../log/log.ts";

/** What the server knows of its own load at one moment. */
export interface Load {
  /** By how much the event loop runs late, in milliseconds: the median of the last moments, so that one pause is none. */
  readonly delayMs: number;
  /** Work that was given to the busiest module's cells and is not yet begun; calls that only wait are none. */
  readonly queueDepth: number;
  /** The part that is used of the smallest limit of memory: 1 is all of it. */
  readonly memory: number;
}

/** Overload begins at or above `enter`, and ends below `leave`, which is lower: between them things stay as they are. */
export interface Threshold {
  readonly enter: number;
  readonly leave: number;
}

export type OverloadThresholds = Readonly<Record<keyof Load, Threshold>>;

/** Load is work that can't be done. A process that is short of CPU runs late, so its CPU time needs no threshold of its own. */
const DEFAULT_THRESHOLDS: OverloadThresholds = {
  delayMs: { enter: 100, leave: 40 },
  queueDepth: { enter: 5000, leave: 1000 },
  memory: { enter: 0.85, leave: 0.75 },
};

/** What is shed, in this order. */
const LEVELS: readonly { readonly refusing: boolean; readonly shrink: number }[] = [
  { refusing: false, shrink: 1 },
  { refusing: true, shrink: 1 },
  { refusing: true, shrink: 1 / 2 },
  { refusing: true, shrink: 1 / 4 },
  { refusing: true, shrink: 1 / 8 },
];

/** Load must be too high for that long before the next level. */
const RAISE_AFTER_MS = 1000;

/** Load must be low for that long before the level before. Also a fair `Retry-After` while overloaded. */
export const LOWER_AFTER_MS = 5000;

export interface OverloadOptions {
  /** `limits.adaptive`: without it samples change nothing. */
  readonly enabled: boolean;
  readonly log: Log;
  readonly thresholds?: Partial<OverloadThresholds>;
  /** Called when the level has changed. */
  readonly onChange?: (controller: OverloadController) => void;
}

/**
 * Decides from samples of load what to shed. Level 1 refuses new handshakes; levels 2 to 4 also shrink rates to a half, a
 * quarter, an eighth, which reaches those who use most and those who violate limits (`Limits.shrink`), not pings. A second
 * of high load raises the level by one, five seconds of low load lower it by one, so it recovers by itself and does not
 * flutter. `overload.started` and `overload.ended` carry the figures.
 */
export class OverloadController {
  readonly #log: Log;
  readonly #thresholds: OverloadThresholds;
  readonly #onChange: ((controller: OverloadController) => void) | undefined;
  #enabled: boolean;
  #level = 0;
  #highest = 0;
  #startedAt = 0;
  /** Since when load has been too high, or low, without a break; null when it is not. */
  #highSince: number | null = null;
  #lowSince: number | null = null;

  constructor(options: OverloadOptions) {
    this.#enabled = options.enabled;
    this.#log = options.log;
    this.#thresholds = { ...DEFAULT_THRESHOLDS, ...options.thresholds };
    this.#onChange = options.onChange;
  }

  /** 0 is none, 4 the highest. */
  get level(): number {
    return this.#level;
  }

  /** New handshakes get 503 `overloaded`. */
  get refusing(): boolean {
    return LEVELS[this.#level]!.refusing;
  }

  /** The part of the configured rates that is granted. */
  get shrink(): number {
    return LEVELS[this.#level]!.shrink;
  }

  /** Switches it on or off (reload); off means level 0 at once. */
  enable(enabled: boolean, now: number): void {
    this.#enabled = enabled;
    this.#highSince = null;
    this.#lowSince = null;
    if (!enabled && this.#level > 0) this.#change(0, { delayMs: 0, queueDepth: 0, memory: 0 }, now);
  }

  /** Takes a sample. `now` is in milliseconds, on a clock that nobody sets; samples should come several times a second. */
  sample(load: Load, now: number): void {
    if (!this.#enabled) return;
    const high = exceeded(load, this.#thresholds, "enter").length > 0;
    const low = exceeded(load, this.#thresholds, "leave").length === 0;
    this.#highSince = high ? this.#highSince ?? now : null;
    this.#lowSince = low ? this.#lowSince ?? now : null;
    if (this.#highSince !== null && now - this.#highSince >= RAISE_AFTER_MS && this.#level < LEVELS.length - 1) {
      this.#highSince = now;
      this.#change(this.#level + 1, load, now);
    } else if (this.#lowSince !== null && now - this.#lowSince >= LOWER_AFTER_MS && this.#level > 0) {
      this.#lowSince = now;
      this.#change(this.#level - 1, load, now);
    }
  }

  #change(level: number, load: Load, now: number): void {
    const before = this.#level;
    this.#level = level;
    const memory = Math.round(load.memory * 100) / 100;
    const figures = { delay_ms: Math.round(load.delayMs), queue: load.queueDepth, memory };
    if (before === 0) {
      this.#startedAt = now;
      this.#highest = 0;
      const because = exceeded(load, this.#thresholds, "enter").map((figure) => NAMES[figure]);
      this.#log.warn("overload.started", { because, ...figures });
    } else if (level === 0) {
      const duration_ms = Math.round(now - this.#startedAt);
      this.#log.warn("overload.ended", { duration_ms, highest_level: this.#highest, ...figures });
    }
    this.#highest = Math.max(this.#highest, level);
    this.#onChange?.(this);
  }
}

const NAMES: Readonly<Record<keyof Load, string>> = { delayMs: "delay", queueDepth: "queue", memory: "memory" };

function exceeded(load: Load, thresholds: OverloadThresholds, edge: keyof Threshold): (keyof Load)[] {
  return (Object.keys(NAMES) as (keyof Load)[]).filter((figure) => load[figure] >= thresholds[figure][edge]);
}
