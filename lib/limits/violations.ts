/** The window in which violations are counted. */
export const VIOLATION_WINDOW_MS = 60_000;

/** Keys remembered at most; beyond it those that have behaved longest are forgotten. */
const MAX_KEYS = 65_536;

/**
 * Counts violations by key (`user:NAME`, `ip:ADDRESS`) in a window that moves on: the `max`-th within any one minute trips.
 * At most `max` times of eight bytes a key are kept, for 65,536 keys.
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

  /** Counts one; true if it is the `max`-th within the minute, after which counting begins anew. */
  add(key: string, now: number): boolean {
    const times = this.#keys.get(key) ?? new Times();
    // The map keeps the order of insertion, so the first key is the one without a violation for longest.
    this.#keys.delete(key);
    if (times.add(now, now - VIOLATION_WINDOW_MS) >= this.max) return true;
    if (this.#keys.size >= MAX_KEYS) this.#makeRoom(now);
    this.#keys.set(key, times);
    return false;
  }

  /** Many at once: what is deleted at its front makes the next walk through a map slow until there are many. */
  #makeRoom(now: number): void {
    this.sweep(now);
    let surplus = this.#keys.size - MAX_KEYS * 15 / 16;
    for (const key of this.#keys.keys()) {
      if (surplus-- <= 0) return;
      this.#keys.delete(key);
    }
  }

  /** Forgets keys without a violation within the minute. */
  sweep(now: number): void {
    for (const [key, times] of this.#keys) {
      if (times.last > now - VIOLATION_WINDOW_MS && times.last <= now) return;
      this.#keys.delete(key);
    }
  }
}

/** Moments in order, the old ones dropped from the front. */
class Times {
  #list: number[] = [];
  #first = 0;
  last = -Infinity;

  /** Adds a moment and returns how many are after `cutoff`. A clock that went back begins anew. */
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
