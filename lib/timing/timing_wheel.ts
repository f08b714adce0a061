/** An object with a deadline. */
export interface Due {
  /**
   * Called at or after the deadline. Returns the next deadline, or `Infinity` for none. `stalledUntil` is the end of
   * the last stall of the process.
   */
  check(now: number, stalledUntil: number): number;
}

/** A gap between two ticks that counts as a stall: the process was stopped or busy. */
const STALL_MS = 1_000;

/**
 * A timing wheel: any number of deadlines with one interval. A deadline is met at most one slot late, never early.
 *
 * Times are milliseconds of the clock that is passed to {@linkcode TimingWheel.advance}.
 */
export class TimingWheel {
  readonly #slotMs: number;
  readonly #slots = new Map<number, Set<Due>>();
  readonly #slotOf = new Map<Due, number>();
  #lastSlot: number;
  #lastAdvance: number;
  #stalledUntil = -Infinity;

  constructor(slotMs: number, now: number) {
    this.#slotMs = slotMs;
    this.#lastSlot = Math.floor(now / slotMs);
    this.#lastAdvance = now;
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** Sets or moves the deadline of `due`; `Infinity` removes it. */
  set(due: Due, at: number): void {
    // Rounded up, so that the deadline has passed at the slot's turn. A past deadline gets the next turn.
    const slot = at === Infinity ? Infinity : Math.max(this.#lastSlot + 1, Math.ceil(at / this.#slotMs));
    const current = this.#slotOf.get(due);
    if (current === slot) return;
    if (current !== undefined) this.#leave(due, current);
    if (slot === Infinity) return;
    this.#slotOf.set(due, slot);
    const members = this.#slots.get(slot);
    if (members) members.add(due);
    else this.#slots.set(slot, new Set([due]));
  }

  delete(due: Due): void {
    this.set(due, Infinity);
  }

  /** Calls all due objects. A clock that jumps back makes none early and loses none. */
  advance(now: number): void {
    if (now - this.#lastAdvance >= STALL_MS) this.#stalledUntil = now;
    this.#lastAdvance = now;
    const slot = Math.floor(now / this.#slotMs);
    if (slot <= this.#lastSlot) return;
    // After a long sleep, iterating over the existing slots is cheaper than over the missed turns.
    const turns = slot - this.#lastSlot > this.#slots.size
      ? [...this.#slots.keys()].filter((key) => key <= slot).sort((a, b) => a - b)
      : Array.from({ length: slot - this.#lastSlot }, (_, i) => this.#lastSlot + 1 + i);
    this.#lastSlot = slot;
    for (const turn of turns) {
      const members = this.#slots.get(turn);
      if (!members) continue;
      this.#slots.delete(turn);
      for (const due of members) this.#slotOf.delete(due);
      for (const due of members) {
        const at = due.check(now, this.#stalledUntil);
        if (at !== Infinity) this.set(due, at);
      }
    }
  }

  #leave(due: Due, slot: number): void {
    this.#slotOf.delete(due);
    const members = this.#slots.get(slot);
    if (members?.delete(due) && members.size === 0) this.#slots.delete(slot);
  }
}
