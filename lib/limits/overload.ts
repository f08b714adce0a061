/** Decides from load figures which handshakes and rates the server reduces. */
import type { Log } from "../log/log.ts";

/** Load figures at one moment. */
export interface Load {
  /** Delay of the event loop in milliseconds: a median, so that a single pause does not count. */
  readonly delayMs: number;
  /**
   * Operations that wait before the cells of the busiest module. Calls that run or wait for something else are not
   * counted.
   */
  readonly queueDepth: number;
  /** The used part of the smallest memory limit; 1 is all of it. */
  readonly memory: number;
}

/** Overload begins at or above `enter` and ends below `leave`, which is lower. Between them the state stays. */
export interface Threshold {
  readonly enter: number;
  readonly leave: number;
}

export type OverloadThresholds = Readonly<Record<keyof Load, Threshold>>;

/** Default thresholds. CPU time has none of its own: a process that is short of CPU runs late. */
const DEFAULT_THRESHOLDS: OverloadThresholds = {
  delayMs: { enter: 100, leave: 40 },
  queueDepth: { enter: 5000, leave: 1000 },
  memory: { enter: 0.85, leave: 0.75 },
};

/** The measures of each level. */
const LEVELS: readonly { readonly refusing: boolean; readonly shrink: number }[] = [
  { refusing: false, shrink: 1 },
  { refusing: true, shrink: 1 },
  { refusing: true, shrink: 1 / 2 },
  { refusing: true, shrink: 1 / 4 },
  { refusing: true, shrink: 1 / 8 },
];

/** Milliseconds of high load before the next level. */
const RAISE_AFTER_MS = 1000;

/** Milliseconds of low load before the previous level. Also the `Retry-After` while overloaded. */
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
 * Decides from load samples what to shed. Level 1 refuses new handshakes. Levels 2 to 4 also reduce rates to a half, a
 * quarter, an eighth, which affects heavy users and users with violations (`Limits.shrink`), but not pings. One second
 * of high load raises the level by one, and five seconds of low load lower it by one, so that it recovers by itself
 * without oscillating. `overload.started` and `overload.ended` carry the figures.
 */
export class OverloadController {
  readonly #log: Log;
  readonly #thresholds: OverloadThresholds;
  readonly #onChange: ((controller: OverloadController) => void) | undefined;
  #enabled: boolean;
  #level = 0;
  #highest = 0;
  #startedAt = 0;
  /** Start of the current uninterrupted period of high, or low, load; null when there is none. */
  #highSince: number | null = null;
  #lowSince: number | null = null;

  constructor(options: OverloadOptions) {
    this.#enabled = options.enabled;
    this.#log = options.log;
    this.#thresholds = { ...DEFAULT_THRESHOLDS, ...options.thresholds };
    this.#onChange = options.onChange;
  }

  /** The current level, 0 (no overload) to 4. */
  get level(): number {
    return this.#level;
  }

  /** Whether new handshakes get 503 `overloaded`. */
  get refusing(): boolean {
    return LEVELS[this.#level]!.refusing;
  }

  /** The granted part of the configured rates. */
  get shrink(): number {
    return LEVELS[this.#level]!.shrink;
  }

  /** Switches the controller on or off (reload). Off means level 0 at once. */
  enable(enabled: boolean, now: number): void {
    this.#enabled = enabled;
    this.#highSince = null;
    this.#lowSince = null;
    if (!enabled && this.#level > 0) this.#change(0, { delayMs: 0, queueDepth: 0, memory: 0 }, now);
  }

  /** Takes a sample. `now` is a monotonic clock in milliseconds. Samples should come several times a second. */
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
