/**
 * Shares the front's time among the cells that send a lot. What cells send is taken in quanta; a cell with more than a quantum waits
 * for its next turn behind the other such cells, and the sockets of all clients are looked at between two rounds. A cell with little
 * to say is heard at once.
 */

/** Time (ms) for one cell at a stretch, and for all those that wait in one round of the event loop. */
const QUANTUM_MS = 0.5;
const ROUND_MS = 2;
/** Work after which the clock is read, in operations; each 512 bytes count as one more. */
const UNITS_PER_LOOK = 16;
const BYTES_PER_UNIT = 512;

export class CellTurns {
  readonly now: () => number;
  readonly #afterInput: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;
  #until = 0;

  /**
   * @param now monotonic, in milliseconds
   * @param afterInput runs a function after all input was looked at
   */
  constructor(now: () => number, afterInput: (run: () => void) => void) {
    this.now = now;
    this.#afterInput = afterInput;
  }

  /** The part of one connection. */
  turn(): CellTurn {
    return new CellTurn(this);
  }

  /** Calls `go` when it is its turn. */
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
      // The next one goes on after what this one has caused: its promise, and the writes that its operations lead to.
      if (this.now() < this.#until) return queueMicrotask(() => queueMicrotask(() => queueMicrotask(this.#step)));
    }
    this.#scheduled = false;
    if (this.#waiting.length > 0) this.#schedule();
  };
}

export class CellTurn {
  readonly #turns: CellTurns;
  /** The last quantum did not suffice: what comes next waits. */
  #waits = false;
  #began = 0;
  #units = 0;

  constructor(turns: CellTurns) {
    this.#turns = turns;
  }

  /** Whether operations may be taken now; else after {@linkcode next}. */
  begin(): boolean {
    if (this.#waits) return false;
    this.#began = this.#turns.now();
    this.#units = 0;
    return true;
  }

  /** Counts an operation of `bytes`; false when it was the last of the quantum. */
  take(bytes: number): boolean {
    this.#units += 1 + bytes / BYTES_PER_UNIT;
    if (this.#units >= UNITS_PER_LOOK) {
      this.#units = 0;
      this.#waits = this.#turns.now() - this.#began >= QUANTUM_MS;
    }
    return !this.#waits;
  }

  /** There is probably more than what was taken. */
  more(): void {
    this.#waits = true;
  }

  /** Resolves when the next quantum has come; null when nothing has to wait. */
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
