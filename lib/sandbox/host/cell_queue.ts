/** Operations on their way to a cell: sends those of one turn together, and keeps account of those it has not begun. */
import type { OperationStream } from "../wire/operation_stream.ts";

/** Bytes that may be on their way to a cell, with those that wait for it; a cell with more is full. */
const MAX_BYTES = 32 * 1024 * 1024;
/** What a cell is given at once, in operations; each 128 bytes count as one more. Some ten milliseconds' work. */
const WINDOW_OPERATIONS = 4096;
const BYTES_PER_OPERATION = 128;

export class CellQueue {
  readonly #stream: Pick<OperationStream, "out" | "flush">;
  readonly #now: () => number;
  #scheduled = false;
  /** Operations and bytes of the turn that is being gathered, and when (ms) it began. */
  #turnBytes = 0;
  #turnAt = 0;
  #sent = 0;
  #done = 0;
  /** What was sent and not begun: number of the last operation, bytes, when (ms). */
  readonly #flying: { end: number; bytes: number; at: number }[] = [];
  #flyingBytes = 0;
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
    return this.#sent - this.#done;
  }

  /** Whether the cell has enough to do for now. */
  get busy(): boolean {
    return this.undone + (this.#flyingBytes + this.#turnBytes) / BYTES_PER_OPERATION >= WINDOW_OPERATIONS;
  }

  /** Whether there is no room for more, with `waiting` bytes elsewhere. */
  full(waiting: number): boolean {
    return this.#flyingBytes + this.#turnBytes + waiting >= MAX_BYTES;
  }

  /** When (ms) the turn began that the next operation belongs to. */
  get since(): number {
    return this.#scheduled ? this.#turnAt : this.#now();
  }

  /** Counts an operation of `bytes` that the caller writes to the stream at once. */
  add(bytes: number): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#turnAt = this.#now();
      setImmediate(this.#flush);
    }
    this.#turnBytes += bytes;
    this.#sent++;
  }

  /** The cell has begun `count` more; false when it was not given so many. */
  progress(count: number): boolean {
    if (count > this.undone) return false;
    this.#done += count;
    this.alive();
    while (this.#flying.length > 0 && this.#flying[0]!.end <= this.#done) {
      this.#flyingBytes -= this.#flying.shift()!.bytes;
    }
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

  #flush = (): void => {
    this.#scheduled = false;
    if (this.#over) return;
    this.#flying.push({ end: this.#sent, bytes: this.#turnBytes, at: this.#turnAt });
    this.#flyingBytes += this.#turnBytes;
    this.#turnBytes = 0;
    this.#stream.flush();
  };
}
