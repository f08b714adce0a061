/** What sessions may have processed in one turn of the event loop, in messages; each 128 bytes of one count as one more. */
export interface Shares {
  /** One session's. */
  readonly own: number;
  /** One session's once all together have had `crowd`. */
  readonly crowded: number;
  readonly crowd: number;
}

/** `crowd` is a few milliseconds' work. */
const SHARES: Shares = { own: 128, crowded: 4, crowd: 2048 };

/**
 * The turns of the event loop, so that a session with a thousand messages in its buffer gets a bounded slice of each, and a
 * thousand sessions leave each other room:
 *
 * ```ts
 * if (!budget.take(bytes)) { socket.pause(); turns.next(() => socket.resume()); }
 * ```
 *
 * Those who wait for the next turn go on in the order in which they began to wait, until it is crowded.
 */
export class Turns {
  readonly #schedule: (run: () => void) => void;
  readonly #shares: Shares;
  #waiting: (() => void)[] = [];
  #scheduled = false;
  #turn = 0;
  /** By all sessions in this turn. */
  #used = 0;

  /** `schedule` runs a function in the next turn, after pending input was looked at. Default `setImmediate`. */
  constructor(shares: Shares = SHARES, schedule: (run: () => void) => void = setImmediate) {
    this.#shares = shares;
    this.#schedule = schedule;
  }

  /** The budget of one session. */
  budget(): TurnBudget {
    return new TurnBudget(this);
  }

  /** Counts what a session uses; what one may use in this turn. */
  share(amount: number): number {
    this.#used += amount;
    return this.#used > this.#shares.crowd ? this.#shares.crowded : this.#shares.own;
  }

  /** The number of the present turn. Who asks for it makes the next one come. */
  get turn(): number {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#schedule(() => this.#begin());
    }
    return this.#turn;
  }

  /** Runs `action` at the beginning of the next turn. */
  next(action: () => void): void {
    void this.turn;
    this.#waiting.push(action);
  }

  #begin(): void {
    this.#turn++;
    this.#used = 0;
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    let next = 0;
    while (next < waiting.length && this.#used <= this.#shares.crowd) waiting[next++]!();
    if (next === waiting.length) return;
    // Those whose turn has not come go first in the next one.
    this.#waiting = waiting.slice(next).concat(this.#waiting);
    void this.turn;
  }
}

/** How much of the present turn a session has used. */
export class TurnBudget {
  readonly #turns: Turns;
  #turn = -1;
  #used = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Counts one message of `bytes`; false when it was the last of this turn. */
  take(bytes: number): boolean {
    const { turn } = this.#turns;
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#used = 0;
    }
    const amount = 1 + (bytes >>> 7);
    this.#used += amount;
    return this.#used < this.#turns.share(amount);
  }
}
