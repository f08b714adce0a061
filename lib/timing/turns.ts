/** Budgets of sessions in one turn of the event loop, in messages. Each 128 bytes of a message count as one more. */
export interface Shares {
  /** Budget of one session. */
  readonly own: number;
  /** Budget of one session after all sessions together have used `crowd`. */
  readonly crowded: number;
  readonly crowd: number;
  /** Budget of all resumed sessions together, so that new input is served soon after. */
  readonly resumed: number;
  /** Cost of resuming a session: up to 64 KiB are read and decrypted before the first message is counted. */
  readonly reading: number;
}

/** `crowd` is a few milliseconds of work, `resumed` one. */
const SHARES: Shares = { own: 128, crowded: 4, crowd: 2048, resumed: 384, reading: 128 };

/**
 * Shares the turns of the event loop among sessions. A session with a thousand buffered messages gets a bounded slice
 * of each turn, and a thousand sessions do not delay each other:
 *
 * ```ts
 * if (!budget.take(bytes)) { socket.pause(); turns.next(() => socket.resume()); }
 * ```
 *
 * Paused sessions resume in the order in which they paused, a few at a time, after all input has been polled.
 */
export class Turns {
  readonly #shares: Shares;
  readonly #afterInput: (run: () => void) => void;
  readonly #schedule: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;
  #turn = 0;
  /** Amount used by all sessions in this turn. */
  #used = 0;

  /**
   * @param afterInput runs a function after all input has been polled
   * @param schedule runs a function in the next turn, whatever the input
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

  /** Creates the budget of one session. */
  budget(): TurnBudget {
    return new TurnBudget(this);
  }

  /** Adds to the total of the turn and returns the budget of one session. */
  share(amount: number): number {
    this.#used += amount;
    return this.#used > this.#shares.crowd ? this.#shares.crowded : this.#shares.own;
  }

  /** The number of the current turn. Reading it schedules the next turn. */
  get turn(): number {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#schedule(() => this.#begin());
    }
    return this.#turn;
  }

  /** Queues `action` for its turn. */
  next(action: () => void): void {
    if (this.#waiting.push(action) === 1) this.#afterInput(this.#goOn);
  }

  #begin(): void {
    this.#turn++;
    this.#used = 0;
    this.#scheduled = false;
  }

  /** Actions that don't fit into this turn stay first in the queue. */
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

/** The part of the current turn that a session has used. */
export class TurnBudget {
  readonly #turns: Turns;
  #turn = -1;
  #used = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Counts one message of `bytes`; false when the budget of this turn is used up. */
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
