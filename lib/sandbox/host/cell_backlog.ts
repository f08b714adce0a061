/**
 * The queue of requests before a busy cell. Users take turns. A user that began to wait with a part of its quantum
 * unused comes first, like a sparse flow of FQ-CoDel (RFC 8290, section 4.2), so it does not wait for a flood.
 */
import type { ToCell } from "../wire/operations.ts";
import { unitsOf } from "./window.ts";
import type { Seat } from "./seat.ts";

/** A queued operation. */
export interface Waiting {
  readonly seat: Seat;
  readonly code: ToCell;
  /** The call's number; 0 for an operation that is not a call. */
  readonly call: number;
  readonly extra: number;
  readonly text: string | Uint8Array;
}

/** The waiting operations of one user's sessions, in order. */
interface UserLine {
  readonly items: Waiting[];
  /** Rest of the quantum, in units; negative after a long message. */
  credit: number;
}

/** Units of one user in a round: several short calls, or a long one. */
const QUANTUM_UNITS = 16;
/** Largest debt after one long message. */
const MAX_DEBT_UNITS = 64 * QUANTUM_UNITS;
/** Size of the blocks that copies of short texts share. A waiting text keeps its block in memory. */
const BLOCK_BYTES = 2048;
/** A longer text has memory of its own, which costs several times the copy of a short one. */
const MAX_SHORT_BYTES = 256;

export class CellBacklog {
  /** Lines by user id, in the order of their turns. An empty line is removed at its turn. */
  readonly #lines = new Map<string, UserLine>();
  /** Lines that became non-empty with a part of their quantum unused. */
  readonly #sparse = new Set<UserLine>();
  #size = 0;
  #bytes = 0;
  #block = new Uint8Array(BLOCK_BYTES);
  /** Number of bytes of the block that are in use. */
  #filled = 0;

  /** Number of queued operations. */
  get size(): number {
    return this.#size;
  }

  /** Size of the queued texts: UTF-16 units of text, bytes of the rest. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an operation of the seat's user is queued; the next one must follow it. */
  holds(seat: Seat): boolean {
    return (this.#lines.get(seat.user.id)?.items.length ?? 0) > 0;
  }

  /** Adds an operation; bytes are copied. */
  add(seat: Seat, code: ToCell, call: number, extra: number, text: string | Uint8Array): void {
    let line = this.#lines.get(seat.user.id);
    if (line === undefined) this.#lines.set(seat.user.id, line = { items: [], credit: QUANTUM_UNITS });
    if (line.items.length === 0 && line.credit > 0) this.#sparse.add(line);
    line.items.push({ seat, code, call, extra, text: typeof text === "string" ? text : this.#copy(text) });
    this.#size++;
    this.#bytes += text.length;
  }

  /** Removes and returns the next operation; undefined when the queue is empty. */
  next(): Waiting | undefined {
    for (const line of this.#sparse) return this.#take(line);
    for (;;) {
      const first = this.#lines.entries().next();
      if (first.done) return undefined;
      const [user, line] = first.value;
      if (line.items.length > 0 && line.credit > 0) return this.#take(line);
      this.#lines.delete(user);
      if (line.items.length === 0) continue;
      line.credit = Math.min(line.credit + QUANTUM_UNITS, QUANTUM_UNITS);
      this.#lines.set(user, line);
    }
  }

  #take(line: UserLine): Waiting {
    const item = line.items.shift()!;
    const { length } = item.text;
    line.credit = Math.max(line.credit - unitsOf(length), -MAX_DEBT_UNITS);
    if (line.items.length === 0 || line.credit <= 0) this.#sparse.delete(line);
    this.#size--;
    this.#bytes -= length;
    return item;
  }

  #copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > MAX_SHORT_BYTES) return bytes.slice();
    if (this.#filled + length > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#filled = 0;
    }
    this.#block.set(bytes, this.#filled);
    return this.#block.subarray(this.#filled, this.#filled += length);
  }
}
