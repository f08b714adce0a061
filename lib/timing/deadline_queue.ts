/** Many deadlines of equal duration with one timer. */

/** Something that has a deadline. */
export interface Expiring {
  /** Called once at the deadline, which has then been removed. */
  expired(): void;
}

/** Minimum delay of the timer; deadlines are met within this time. */
const GRANULARITY_MS = 20;

/**
 * All deadlines have the same duration, so the first one started is due first: a queue in insertion order with one
 * timer for its head. Starting and stopping cost a map entry. No timer runs while the queue is empty.
 */
export class DeadlineQueue {
  readonly #durationMs: number;
  readonly #now: () => number;
  readonly #due = new Map<Expiring, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(durationMs: number, now: () => number) {
    this.#durationMs = durationMs;
    this.#now = now;
  }

  /** Number of running deadlines. */
  get size(): number {
    return this.#due.size;
  }

  /** Starts the deadline of `item`, or restarts a running one. */
  start(item: Expiring): void {
    this.#due.delete(item);
    this.#due.set(item, this.#now() + this.#durationMs);
    this.#timer ??= setTimeout(this.#sweep, this.#durationMs);
  }

  stop(item: Expiring): void {
    if (this.#due.delete(item) && this.#due.size === 0) this.#disarm();
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const now = this.#now();
    for (const [item, due] of this.#due) {
      // Timers of the platform may fire a millisecond early.
      if (due > now + 1) {
        this.#timer ??= setTimeout(this.#sweep, Math.max(GRANULARITY_MS, due - now));
        return;
      }
      this.#due.delete(item);
      item.expired();
    }
    if (this.#due.size === 0) this.#disarm();
  };

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
