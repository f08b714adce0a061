/** Messages one session may have processed in one turn of the event loop. */
export const MESSAGES_PER_TURN = 64;

/**
 * The turns of the event loop, so that a session with a thousand messages in its buffer gets a bounded slice of each:
 *
 * ```ts
 * if (!budget.take()) { socket.pause(); turns.next(() => socket.resume()); }
 * ```
 *
 * Those who wait for the next turn go on in the order in which they began to wait.
 */
export class Turns {
  readonly #schedule: (run: () => void) => void;
  readonly #perTurn: number;
  #waiting: (() => void)[] = [];
  #scheduled = false;
  #turn = 0;

  /** `schedule` runs a function in the next turn, after pending input was looked at. Default `setImmediate`. */
  constructor(perTurn: number = MESSAGES_PER_TURN, schedule: (run: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#schedule = schedule;
  }

  /** The budget of one session. */
  budget(): TurnBudget {
    return new TurnBudget(this, this.#perTurn);
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
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const action of waiting) action();
  }
}

/** How much of the present turn a session may still use. */
export class TurnBudget {
  readonly #turns: Turns;
  readonly #perTurn: number;
  #turn = -1;
  #left = 0;

  constructor(turns: Turns, perTurn: number) {
    this.#turns = turns;
    this.#perTurn = perTurn;
  }

  /** Counts one message; false when it was the last of this turn. */
  take(): boolean {
    const { turn } = this.#turns;
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#left = this.#perTurn;
    }
    return --this.#left > 0;
  }
}
