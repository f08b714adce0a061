/**
 * Sends operations to a cell, those of one turn together, and tracks those that the cell has not started.
 *
 * Way of a message: queues operations while the cell is busy, counts those of a turn, and sends them at its end.
 */
import type { OperationStream } from "../wire/operation_stream.ts";
import type { ToCell } from "../wire/operations.ts";
import { CellBacklog } from "./cell_backlog.ts";
import type { Seat } from "./seat.ts";
import { BYTES_PER_UNIT, Window } from "./window.ts";

/** Maximum size of sent and queued operations in bytes; a cell with more is full. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Operations of one write. */
interface Flight {
  operations: number;
  bytes: number;
  /** Time (ms) of the start of their turn. */
  readonly at: number;
}

const NOTHING: Flight = { operations: 0, bytes: 0, at: 0 };

export class CellQueue {
  readonly #stream: Pick<OperationStream, "out" | "flush">;
  readonly #now: () => number;
  readonly #window = new Window();
  /** The turn that is being collected. */
  #turn: Flight | undefined;
  /** Sent operations that have not been started. */
  readonly #flying: Flight[] = [];
  #undone = 0;
  /** Totals of operations that have not been started, including the current turn. */
  #bytes = 0;
  #heard: number;
  #over = false;

  /** `now` is monotonic, in milliseconds. */
  constructor(stream: Pick<OperationStream, "out" | "flush">, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#heard = now();
  }

  /** Number of operations that have not been started. */
  get undone(): number {
    return this.#undone;
  }

  /** Whether the cell has enough work for now. */
  get busy(): boolean {
    return this.#length >= this.#window.units;
  }

  /** Whether the cell should get more. Room is filled by halves: many small writes cost the front and the cell a lot. */
  get low(): boolean {
    return this.#length <= this.#window.units / 2;
  }

  /** Whether there is no room for more, with `waiting` bytes elsewhere. */
  full(waiting: number): boolean {
    return this.#bytes + waiting >= MAX_BYTES;
  }

  /** Start (ms) of the turn of the next operation, which begins now if there is none. */
  turnAt(): number {
    return (this.#turn ?? this.#beginTurn()).at;
  }

  /** Counts an operation of `bytes` that the caller writes to the stream at once. */
  add(bytes: number): void {
    const turn = this.#turn ?? this.#beginTurn();
    turn.operations++;
    turn.bytes += bytes;
    this.#undone++;
    this.#bytes += bytes;
  }

  /** Counts `count` operations as started; false when the cell did not get so many. `waiting`: others wait for room. */
  progress(count: number, waiting: boolean): boolean {
    if (count > this.#undone) return false;
    this.alive();
    for (let left = count; left > 0;) left -= this.#begun(left);
    if (waiting) this.#window.reported(this.#left);
    return true;
  }

  /** The cell has shown a sign of life. */
  alive(): void {
    this.#heard = this.#now();
  }

  /** Milliseconds since a sign of life of the cell was due; 0 when none is. */
  silent(now: number): number {
    const oldest = this.#flying[0];
    return oldest === undefined ? 0 : Math.max(0, now - Math.max(oldest.at, this.#heard));
  }

  /** Ends sending. */
  end(): void {
    this.#over = true;
  }

  /** Units that are not begun. */
  get #length(): number {
    return this.#undone + this.#bytes / BYTES_PER_UNIT;
  }

  /** Units that were sent and not begun. */
  get #left(): number {
    const { operations, bytes } = this.#turn ?? NOTHING;
    return this.#undone - operations + (this.#bytes - bytes) / BYTES_PER_UNIT;
  }

  #beginTurn(): Flight {
    setImmediate(this.flush);
    return this.#turn = { operations: 0, bytes: 0, at: this.#now() };
  }

  /** Counts up to `count` operations of the oldest write as started. Returns their number. */
  #begun(count: number): number {
    // A pending write includes operations that are added before the end of the turn.
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

  /** Sends the added operations. */
  readonly flush = (): void => {
    const turn = this.#turn;
    this.#turn = undefined;
    if (this.#over || turn === undefined) return;
    if (turn.operations > 0) this.#flying.push(turn);
    this.#stream.flush();
  };
}

export interface CellFeedDeps {
  readonly stream: Pick<OperationStream, "out" | "flush">;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Whether the call of that number still waits for its answer. */
  readonly waits: (call: number) => boolean;
  /** A call is on its way. */
  readonly begun: () => void;
}

/**
 * Operations for a cell: sent at once while the cell has room, otherwise queued, with sessions in turn. A session with many
 * calls does not delay the others.
 */
export class CellFeed {
  readonly queue: CellQueue;
  readonly #deps: CellFeedDeps;
  readonly #backlog = new CellBacklog();

  constructor(deps: CellFeedDeps) {
    this.#deps = deps;
    this.queue = new CellQueue(deps.stream, deps.now);
  }

  /** Operations that were given to the cell, or wait for it, and are not begun. */
  get depth(): number {
    return this.queue.undone + this.#backlog.size;
  }

  /** Whether there is no room for more. */
  get full(): boolean {
    return this.queue.full(this.#backlog.bytes);
  }

  /** Gives the cell a client's message, or has it wait its turn while the cell is busy. */
  give(seat: Seat, code: ToCell, call: number, extra: number, text: string | Uint8Array): void {
    if (this.#backlog.size === 0 && !this.queue.busy) {
      this.#deps.begun();
      return this.send(code, seat.handle, call, extra, text);
    }
    this.#backlog.add(seat, code, call, extra, text);
  }

  /** Gives the cell what is no call, behind the calls of `seat` that wait. */
  giveBehind(seat: Seat, code: ToCell, text: string): void {
    if (this.#backlog.holds(seat)) this.#backlog.add(seat, code, 0, 0, text);
    else this.send(code, seat.handle, 0, 0, text);
  }

  /** Gives the cell something before all that waits. `handle` is that of a session, 0 for none. */
  send(code: ToCell, handle: number, id: number, extra: number, text: string | Uint8Array): void {
    this.queue.add(text.length);
    this.#deps.stream.out.write(code, handle, id, extra, text);
  }

  /** Counts `count` operations as begun; false when the cell did not get so many. */
  progress(count: number): boolean {
    return this.queue.progress(count, this.#backlog.size > 0);
  }

  /** Passes queued operations to the cell, as far as it has room; they leave at once, because the cell may be idle. */
  fill(): void {
    if (this.#backlog.size === 0 || !this.queue.low) return;
    while (!this.queue.busy) {
      const next = this.#backlog.next();
      if (next === undefined) break;
      const { seat, code, call, extra, text } = next;
      // It may have been answered: its time was up, or its client left.
      if (call !== 0 && !this.#deps.waits(call)) continue;
      if (call !== 0) this.#deps.begun();
      this.send(code, seat.handle, call, extra, text);
    }
    this.queue.flush();
  }
}
