/** What clients have sent while the cell was busy, by session: one with many calls leaves the others their turns. */
import { FairQueue } from "../../timing/fair_queue.ts";
import type { ToCell } from "../wire/operations.ts";
import type { Seat } from "./seat.ts";

/** An operation that waits until the cell is less busy. */
export interface Waiting {
  readonly code: ToCell;
  /** The call's number; 0 for an operation that is none. */
  readonly call: number;
  readonly extra: number;
  readonly text: string | Uint8Array;
}

export class CellBacklog {
  readonly #queue = new FairQueue<Seat, Waiting>();
  #bytes = 0;

  /** Operations that wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** UTF-16 units of text, bytes of the rest. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Operations of `seat` that wait. */
  sizeOf(seat: Seat): number {
    return this.#queue.sizeOf(seat);
  }

  /** `waiting.text` belongs to the backlog from now on. */
  add(seat: Seat, waiting: Waiting): void {
    this.#bytes += waiting.text.length;
    this.#queue.add(seat, waiting);
  }

  /** Removes and returns the next one; undefined when nothing waits. */
  next(): [Seat, Waiting] | undefined {
    const next = this.#queue.nextOf();
    if (next !== undefined) this.#bytes -= next[1].text.length;
    return next;
  }
}
