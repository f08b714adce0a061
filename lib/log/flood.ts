import type { Level } from "./log.ts";

const WINDOW_MS = 1000;
const LINES_PER_WINDOW = 10;
/** A line with a `ref` says what happened to somebody who was told that ref, and may ask for it. */
const REF_LINES_PER_WINDOW = 100;
/** Of suppressed lines, as many as a list in a line may have entries. */
const REFS_PER_SUMMARY = 32;
const MAX_EVENTS = 512;

/** What a line is about, beside its event. */
export interface Subject {
  readonly ref?: string | undefined;
  /** Handler module: the lines of each are counted by themselves. */
  readonly module?: string | undefined;
}

/** What a report names of the lines that were left out. */
export interface Suppressed {
  readonly refs: readonly string[];
  readonly module: string | undefined;
}

interface Window {
  readonly event: string;
  readonly module: string | undefined;
  startedAt: number;
  lines: number;
  refLines: number;
  suppressed: number;
  /** Of the first suppressed lines that have one. */
  readonly refs: string[];
  level: Level;
}

/**
 * Keeps one event from drowning the others: ten lines of it a second pass (of each handler module, where it names one), the rest
 * are counted and reported once the second is over, whether or not the event comes again. Lines with a `ref` have a hundred of their own, and the report names the
 * refs of the next ones. Holds a timer only while there is something to report.
 */
export class FloodGate {
  private readonly windows = new Map<string, Window>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `summary` is told how many lines of an event were left out, and of what they were. `now` is in ms. */
  constructor(
    private readonly now: () => number,
    private readonly summary: (level: Level, event: string, suppressed: number, what: Suppressed) => void,
  ) {}

  /** Whether this line may be printed; counts it when not. */
  admits(event: string, level: Level, { ref, module }: Subject = {}): boolean {
    const now = this.now();
    const key = module === undefined ? event : `${event} ${module}`;
    let window = this.windows.get(key);
    if (window && ended(window, now)) {
      this.close(key, window);
      window = undefined;
    }
    if (!window) {
      if (this.windows.size >= MAX_EVENTS) this.report();
      window = { event, module, startedAt: now, lines: 0, refLines: 0, suppressed: 0, refs: [], level };
      this.windows.set(key, window);
    }
    if (ref !== undefined && window.refLines < REF_LINES_PER_WINDOW) {
      window.refLines++;
      return true;
    }
    if (ref === undefined && window.lines < LINES_PER_WINDOW) {
      window.lines++;
      return true;
    }
    window.suppressed++;
    if (ref !== undefined && window.refs.length < REFS_PER_SUMMARY) window.refs.push(ref);
    window.level = level;
    this.timer ??= setTimeout(() => this.tick(), WINDOW_MS);
    return false;
  }

  /** Reports every count at once, as before exit. */
  report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const [key, window] of [...this.windows]) this.close(key, window);
  }

  private tick(): void {
    this.timer = null;
    const now = this.now();
    let waiting = false;
    for (const [key, window] of [...this.windows]) {
      if (ended(window, now)) this.close(key, window);
      else if (window.suppressed > 0) waiting = true;
    }
    if (waiting) this.timer = setTimeout(() => this.tick(), WINDOW_MS);
  }

  private close(key: string, window: Window): void {
    this.windows.delete(key);
    const { event, module, suppressed, refs, level } = window;
    if (suppressed > 0) this.summary(level, event, suppressed, { refs, module });
  }
}

/** A clock set backwards ends the second too, or an event could stay silent for as long as it was set back. */
function ended(window: Window, now: number): boolean {
  return now - window.startedAt >= WINDOW_MS || now < window.startedAt;
}
