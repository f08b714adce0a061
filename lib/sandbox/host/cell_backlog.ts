/**
 * What clients have sent while the cell was busy. Users take turns, and one who has asked for little comes first, as sparse flows
 * do in FQ-CoDel (RFC 8290 section 4.2): nobody waits for what others have sent before.
 */
import type { ToCell } from "../wire/operations.ts";
import { unitsOf } from "./cell_queue.ts";
import type { Seat } from "./seat.ts";

/** An operation that waits until the cell is less busy. */
export interface Waiting {
  readonly code: ToCell;
  /** The call's number; 0 for an operation that is none. */
  readonly call: number;
  readonly extra: number;
  readonly text: string | Uint8Array;
}

/** What one user's sessions have waiting, in the order it came. */
interface UserLine {
  readonly items: [Seat, Waiting][];
  /** Units left of the quantum; less than 0 after a long message. */
  credit: number;
}

/** Units of a user in a round: several short calls, or one long. */
const QUANTUM_UNITS = 16;
/** Most rounds that a user has to sit out for one long message. */
const MAX_DEBT_UNITS = 64 * QUANTUM_UNITS;

export class CellBacklog {
  /** By user id, in the order of their turns; a user with nothing left is forgotten when it is its turn. */
  readonly #lines = new Map<string, UserLine>();
  /** Those that began to wait with a part of their quantum unused. */
  readonly #sparse = new Set<UserLine>();
  #size = 0;
  #bytes = 0;

  /** Operations that wait. */
  get size(): number {
    return this.#size;
  }

  /** UTF-16 units of text, bytes of the rest. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an operation of the seat's user waits, behind which a further one has to come. */
  holds(seat: Seat): boolean {
    return (this.#lines.get(seat.user.id)?.items.length ?? 0) > 0;
  }

  /** `waiting.text` belongs to the backlog from now on. */
  add(seat: Seat, waiting: Waiting): void {
    let line = this.#lines.get(seat.user.id);
    if (line === undefined) this.#lines.set(seat.user.id, line = { items: [], credit: QUANTUM_UNITS });
    if (line.items.length === 0 && line.credit > 0) this.#sparse.add(line);
    line.items.push([seat, waiting]);
    this.#size++;
    this.#bytes += waiting.text.length;
  }

  /** Removes and returns the next one; undefined when nothing waits. */
  next(): [Seat, Waiting] | undefined {
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

  #take(line: UserLine): [Seat, Waiting] {
    const item = line.items.shift()!;
    const { length } = item[1].text;
    line.credit = Math.max(line.credit - unitsOf(length), -MAX_DEBT_UNITS);
    if (line.items.length === 0 || line.credit <= 0) this.#sparse.delete(line);
    this.#size--;
    this.#bytes -= length;
    return item;
  }
}
