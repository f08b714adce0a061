/**
 * Operations on their way to a cell: sends those of one turn together, and keeps account of those it has not begun.
 *
 * Way of a message: counts the operations of a turn, and sends them at its end. Says when the cell is busy or full.
 */
import type { OperationStream } from "../wire/operation_stream.ts";
import { Window } from "./window.ts";

/** Bytes that may be on their way to a cell, with those that wait for it; a cell with more is full. */
const MAX_BYTES = 32 * 1024 * 1024;
const BYTES_PER_UNIT = 128;

/** Units of an operation of `bytes`. */
export function unitsOf(bytes: number): number {
  return 1 + bytes / BYTES_PER_UNIT;
}

/** Operations that were sent together. */
interface Flight {
  operations: number;
  bytes: number;
  /** When (ms) the first of them was written. */
  readonly at: number;
}

const NOTHING: Flight = { operations: 0, bytes: 0, at: 0 };

export class CellQueue {
  readonly #stream: Pick<OperationStream, "out" | "flush">;
  readonly #now: () => number;
  readonly #window = new Window();
  /** The turn that is being gathered. */
  #turn: Flight | undefined;
  /** What was sent and not begun. */
  readonly #flying: Flight[] = [];
  #undone = 0;
  /** Of what was not begun, with the turn that is being gathered. */
  #bytes = 0;
  #heard: number;
  #over = false;

  /** `now` is monotonic, in milliseconds. */
  constructor(stream: Pick<OperationStream, "out" | "flush">, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#heard = now();
  }

  /** Operations that were not begun. */
  get undone(): number {
    return this.#undone;
  }

  /** Whether the cell has enough to do for now. */
  get busy(): boolean {
    return this.#undone + this.#bytes / BYTES_PER_UNIT >= this.#window.units;
  }

  /** Whether there is no room for more, with `waiting` bytes elsewhere. */
  full(waiting: number): boolean {
    return this.#bytes + waiting >= MAX_BYTES;
  }

  /** When (ms) the turn began that the next operation belongs to. */
  get since(): number {
    return this.#turn?.at ?? this.#now();
  }

  /** Counts an operation of `bytes` that the caller writes to the stream at once. */
  add(bytes: number): void {
    if (this.#turn === undefined) {
      this.#turn = { operations: 0, bytes: 0, at: this.#now() };
      setImmediate(this.flush);
    }
    this.#turn.operations++;
    this.#turn.bytes += bytes;
    this.#undone++;
    this.#bytes += bytes;
  }

  /** Counts `count` operations as begun; false when the cell did not get so many. `waiting`: others wait for room. */
  progress(count: number, waiting: boolean): boolean {
    if (count > this.#undone) return false;
    this.alive();
    for (let left = count; left > 0;) left -= this.#begun(left);
    if (waiting) this.#window.reported(this.#left);
    return true;
  }

  /** The cell has shown that it lives. */
  alive(): void {
    this.#heard = this.#now();
  }

  /** Milliseconds for which the cell has owed a sign of life; 0 when it owes none. */
  silent(now: number): number {
    const oldest = this.#flying[0];
    return oldest === undefined ? 0 : Math.max(0, now - Math.max(oldest.at, this.#heard));
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#over = true;
  }

  /** Units that were sent and not begun. */
  get #left(): number {
    const { operations, bytes } = this.#turn ?? NOTHING;
    return this.#undone - operations + (this.#bytes - bytes) / BYTES_PER_UNIT;
  }

  /** Counts up to `count` operations of the oldest flight as begun. Returns their number. */
  #begun(count: number): number {
    // A write under way takes along what is added before the end of the turn.
    const flight = this.#flying[0] ?? this.#turn!;
    const begun = Math.min(count, flight.operations);
    const bytes = Math.floor(flight.bytes * begun / flight.operations);
    flight.operations -= begun;
    flight.bytes -= bytes;
    this.#undone -= begun;
    this.#bytes -= bytes;
    if (flight.operations === 0 && flight === this.#flying[0]) this.#flying.shift();
    return begun;
  }

  /** Sends what was added. */
  readonly flush = (): void => {
    const turn = this.#turn;
    this.#turn = undefined;
    if (this.#over || turn === undefined) return;
    if (turn.operations > 0) this.#flying.push(turn);
    this.#stream.flush();
  };
}
