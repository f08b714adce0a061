/** Limits floods of equal events in the log. */
import type { Level } from "./format.ts";

const WINDOW_MS = 1000;
const LINES_PER_WINDOW = 10;
/** A client has been told the `ref` of such a line and may ask for it, so more of these are printed. */
const REF_LINES_PER_WINDOW = 100;
/** `ref`s of suppressed lines in a summary; equal to the maximum length of a list in a line. */
const REFS_PER_SUMMARY = 32;
const MAX_EVENTS = 512;

/** The subject of a line besides its event. */
export interface Subject {
  readonly ref?: string | undefined;
  /** Handler module. The lines of each module are counted separately. */
  readonly module?: string | undefined;
}

/** A summary of suppressed lines. */
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
  /** `ref`s of the first suppressed lines. */
  readonly refs: string[];
  level: Level;
}

/**
 * Limits the lines of one event (and handler module) to ten a second. Further lines are counted and reported when the
 * second is over. Lines with a `ref` have a separate limit of a hundred, and the report names the next refs. A timer
 * runs only while there is a count to report.
 */
export class FloodGate {
  private readonly windows = new Map<string, Window>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `summary` is called with the number of suppressed lines of an event. `now` is in milliseconds. */
  constructor(
    private readonly now: () => number,
    private readonly summary: (level: Level, event: string, suppressed: number, what: Suppressed) => void,
  ) {}

  /** Whether the line may be printed; counts it if not. */
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

  /** Reports all counts at once, for use before exit. */
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

/** Also true after the clock was set back. Otherwise an event could stay suppressed for that long. */
function ended(window: Window, now: number): boolean {
  return now - window.startedAt >= WINDOW_MS || now < window.startedAt;
}
