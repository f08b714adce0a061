/** The window in which violations are counted. */
export const VIOLATION_WINDOW_MS = 60_000;

/** Maximum number of keys; above it, those with the oldest last violation are removed. */
const MAX_KEYS = 65_536;

/**
 * Counts violations by key (`user:NAME`, `ip:ADDRESS`) in a sliding window of one minute. Memory: at most `max` times
 * of eight bytes for each of 65,536 keys.
 */
export class Violations {
  max: number;
  readonly #keys = new Map<string, Times>();

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Counts a violation. Returns true if it is the `max`-th within the minute; the count then restarts at 0. */
  add(key: string, now: number): boolean {
    const times = this.#keys.get(key) ?? new Times();
    // Reinsertion keeps the map ordered by the last violation, oldest first.
    this.#keys.delete(key);
    if (times.add(now, now - VIOLATION_WINDOW_MS) >= this.max) return true;
    if (this.#keys.size >= MAX_KEYS) this.#makeRoom(now);
    this.#keys.set(key, times);
    return false;
  }

  /** Removes many keys at once: deletions at the front of a map slow down its next iteration. */
  #makeRoom(now: number): void {
    this.sweep(now);
    let surplus = this.#keys.size - MAX_KEYS * 15 / 16;
    for (const key of this.#keys.keys()) {
      if (surplus-- <= 0) return;
      this.#keys.delete(key);
    }
  }

  /** Removes keys without a violation within the minute. */
  sweep(now: number): void {
    for (const [key, times] of this.#keys) {
      if (times.last > now - VIOLATION_WINDOW_MS && times.last <= now) return;
      this.#keys.delete(key);
    }
  }
}

/** An ordered list of moments that drops the oldest. */
class Times {
  #list: number[] = [];
  #first = 0;
  last = -Infinity;

  /** Adds a moment and returns the number after `cutoff`. A clock that went back clears the list. */
  add(now: number, cutoff: number): number {
    if (now < this.last) {
      this.#list = [];
      this.#first = 0;
    }
    while (this.#first < this.#list.length && this.#list[this.#first]! <= cutoff) this.#first++;
    if (this.#first > 32 && this.#first * 2 > this.#list.length) {
      this.#list = this.#list.slice(this.#first);
      this.#first = 0;
    }
    this.#list.push(now);
    this.last = now;
    return this.#list.length - this.#first;
  }
}
