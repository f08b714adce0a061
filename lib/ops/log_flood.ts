import type { Level } from "./log.ts";

const WINDOW_MS = 1000;
const LINES_PER_WINDOW = 10;
/** A line with a `ref` says what happened to somebody who was told that ref, and may ask for it. */
const REF_LINES_PER_WINDOW = 100;
/** Of suppressed lines, as many as a list in a line may have entries. */
const REFS_PER_SUMMARY = 32;
const MAX_EVENTS = 512;

interface Window {
  startedAt: number;
  lines: number;
  refLines: number;
  suppressed: number;
  /** Of the first suppressed lines that have one. */
  readonly refs: string[];
  level: Level;
}

/**
 * Keeps one event from drowning the others: ten lines of it a second pass, the rest are counted and reported once the second
 * is over, whether or not the event comes again. Lines with a `ref` have a hundred of their own, and the report names the
 * refs of the next ones. Holds a timer only while there is something to report.
 */
export class FloodGate {
  private readonly windows = new Map<string, Window>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `summary` is told how many lines of an event were left out, and which refs they had. `now` is in ms. */
  constructor(
    private readonly now: () => number,
    private readonly summary: (level: Level, event: string, suppressed: number, refs: readonly string[]) => void,
  ) {}

  /** Whether this line may be printed; counts it when not. */
  admits(event: string, level: Level, ref?: string): boolean {
    const now = this.now();
    let window = this.windows.get(event);
    if (window && ended(window, now)) {
      this.close(event, window);
      window = undefined;
    }
    if (!window) {
      if (this.windows.size >= MAX_EVENTS) this.report();
      window = { startedAt: now, lines: 0, refLines: 0, suppressed: 0, refs: [], level };
      this.windows.set(event, window);
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
    for (const [event, window] of [...this.windows]) this.close(event, window);
  }

  private tick(): void {
    this.timer = null;
    const now = this.now();
    let waiting = false;
    for (const [event, window] of [...this.windows]) {
      if (ended(window, now)) this.close(event, window);
      else if (window.suppressed > 0) waiting = true;
    }
    if (waiting) this.timer = setTimeout(() => this.tick(), WINDOW_MS);
  }

  private close(event: string, window: Window): void {
    this.windows.delete(event);
    if (window.suppressed > 0) this.summary(window.level, event, window.suppressed, window.refs);
  }
}

/** A clock set backwards ends the second too, or an event could stay silent for as long as it was set back. */
function ended(window: Window, now: number): boolean {
  return now - window.startedAt >= WINDOW_MS || now < window.startedAt;
}
