/**
 * Shares the time of the event loop among connections that send a lot. A connection is read for one quantum; one with
 * more to say waits for its next turn behind the other such connections. All waiting connections together have a
 * bounded part of each round of the event loop, and every socket is polled between two rounds. A connection with little
 * to say is read at once.
 */

/** Time of one connection in a row, and of all waiting connections in one round. */
const QUANTUM_MS = 0.5;
const ROUND_MS = 2;
/** Units of work between two looks at the clock. An operation is one unit, and another one for each 512 bytes. */
const UNITS_PER_LOOK = 16;
const BYTES_PER_UNIT = 512;

export class ReadingTurns {
  readonly now: () => number;
  readonly #afterInput: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;
  /** End of the present round, on the clock of `now`. */
  #until = 0;

  /**
   * @param now monotonic clock, in milliseconds
   * @param afterInput runs a function after every socket was polled (`Polls.after`)
   */
  constructor(now: () => number, afterInput: (run: () => void) => void) {
    this.now = now;
    this.#afterInput = afterInput;
  }

  /** Creates the turn of one connection. */
  turn(): ReadingTurn {
    return new ReadingTurn(this);
  }

  /** Calls `go` at its turn. */
  next(go: () => void): void {
    this.#waiting.push(go);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterInput(() => {
      this.#until = this.now() + ROUND_MS;
      this.#step();
    });
  }

  readonly #step = (): void => {
    const go = this.#waiting.shift();
    if (go !== undefined) {
      go();
      // The next connection follows the work of this one: the reader that awaits its promise, and the writes it causes.
      if (this.now() < this.#until) return queueMicrotask(() => queueMicrotask(() => queueMicrotask(this.#step)));
    }
    this.#scheduled = false;
    if (this.#waiting.length > 0) this.#schedule();
  };
}

/** The turn of one connection. */
export class ReadingTurn {
  readonly #turns: ReadingTurns;
  /** The last quantum was not enough. */
  #waits = false;
  #began = 0;
  #units = 0;

  constructor(turns: ReadingTurns) {
    this.#turns = turns;
  }

  /** Begins a quantum; false when the connection has to wait for {@linkcode next}. */
  begin(): boolean {
    if (this.#waits) return false;
    this.#began = this.#turns.now();
    this.#units = 0;
    return true;
  }

  /** Counts an operation of `bytes`; false when it was the last one of the quantum. */
  take(bytes: number): boolean {
    this.#units += 1 + bytes / BYTES_PER_UNIT;
    if (this.#units >= UNITS_PER_LOOK) {
      this.#units = 0;
      this.#waits = this.#turns.now() - this.#began >= QUANTUM_MS;
    }
    return !this.#waits;
  }

  /** Tells that the connection has more to read, so that it waits for its next turn. */
  more(): void {
    this.#waits = true;
  }

  /** Resolves at the next turn; null when the connection has nothing to wait for. */
  next(): Promise<void> | null {
    if (!this.#waits) return null;
    return new Promise((resolve) =>
      this.#turns.next(() => {
        this.#waits = false;
        resolve();
      })
    );
  }
}
