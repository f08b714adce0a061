/** Many deadlines of one duration for the price of one timer. */

/** Something that has a deadline. */
export interface Expiring {
  /** Called once, when the time is up; the deadline is then gone. */
  expired(): void;
}

/** The timer is never armed for less, in ms: deadlines are kept to within that. */
const GRANULARITY = 20;

/**
 * All deadlines last equally long, so the one started first is due first: a queue in order of insertion, and one timer
 * for its head. Starting and stopping cost a map entry. Nothing runs while the queue is empty.
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

  /** How many are running. */
  get size(): number {
    return this.#due.size;
  }

  /** Starts anew when it runs already. */
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
        this.#timer ??= setTimeout(this.#sweep, Math.max(GRANULARITY, due - now));
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
