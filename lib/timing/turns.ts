/** What sessions may have processed in one turn of the event loop, in messages; each 128 bytes of one count as one more. */
export interface Shares {
  /** One session's. */
  readonly own: number;
  /** One session's once all together have had `crowd`. */
  readonly crowded: number;
  readonly crowd: number;
  /** Of all sessions together that go on after having waited: a new one finds them done soon. */
  readonly resumed: number;
  /** What going on costs by itself: up to 64 KiB are read and decrypted before any message of them is counted. */
  readonly reading: number;
}

/** `crowd` is a few milliseconds' work, `resumed` one. */
const SHARES: Shares = { own: 128, crowded: 4, crowd: 2048, resumed: 384, reading: 128 };

/**
 * The turns of the event loop, so that a session with a thousand messages in its buffer gets a bounded slice of each, and a
 * thousand sessions leave each other room:
 *
 * ```ts
 * if (!budget.take(bytes)) { socket.pause(); turns.next(() => socket.resume()); }
 * ```
 *
 * Those who wait go on in the order in which they began to wait, a few at a time, each time after everybody else was heard.
 */
export class Turns {
  readonly #shares: Shares;
  readonly #afterInput: (run: () => void) => void;
  readonly #schedule: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;
  #turn = 0;
  /** By all sessions in this turn. */
  #used = 0;

  /**
   * @param afterInput runs a function after all input was looked at
   * @param schedule runs a function in the next turn, whatever input there is
   */
  constructor(
    afterInput: (run: () => void) => void,
    shares: Shares = SHARES,
    schedule: (run: () => void) => void = setImmediate,
  ) {
    this.#afterInput = afterInput;
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

  /** Runs `action` when it is its turn to go on. */
  next(action: () => void): void {
    if (this.#waiting.push(action) === 1) this.#afterInput(this.#goOn);
  }

  #begin(): void {
    this.#turn++;
    this.#used = 0;
    this.#scheduled = false;
  }

  /** Those whose turn has not come go first next time. */
  readonly #goOn = (): void => {
    const { resumed, reading } = this.#shares;
    const waiting = this.#waiting.length;
    const before = this.#used;
    let next = 0;
    try {
      while (next < waiting && this.#used - before + next * reading < resumed) this.#waiting[next++]!();
    } finally {
      this.#waiting.splice(0, next);
      if (this.#waiting.length > 0) this.#afterInput(this.#goOn);
    }
  };
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
