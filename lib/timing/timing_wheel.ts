/** Something that wants to be looked at again at a certain time. */
export interface Due {
  /**
   * Called at or after the time asked for; returns when to be called again, or `Infinity`. `stalledUntil`: when the
   * process last went on after it had stood still.
   */
  check(now: number, stalledUntil: number): number;
}

/** A gap between two looks at the wheel that is a stall: the process was stopped, or had something long to do. */
const STALL_MS = 1_000;

/**
 * A timing wheel: any number of deadlines on one interval. A deadline is met at most one slot late, never early.
 *
 * Times are milliseconds of the clock handed to {@linkcode TimingWheel.advance}.
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
    // Rounded up, so that at the slot's turn the time has come; a past time gets the next turn.
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

  /** Calls all whose time has come. A clock that jumped back brings nothing forward and loses nothing. */
  advance(now: number): void {
    if (now - this.#lastAdvance >= STALL_MS) this.#stalledUntil = now;
    this.#lastAdvance = now;
    const slot = Math.floor(now / this.#slotMs);
    if (slot <= this.#lastSlot) return;
    // After a long sleep it is cheaper to look at the slots there are than at the turns missed.
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
