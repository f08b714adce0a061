/** What a cell is given: at once while it has room, else in turn, so that a session with many calls leaves the others theirs. */
import type { OperationStream } from "../wire/operation_stream.ts";
import type { ToCell } from "../wire/operations.ts";
import { CellBacklog } from "./cell_backlog.ts";
import { CellQueue } from "./cell_queue.ts";
import type { Seat } from "./seat.ts";

export interface CellFeedDeps {
  readonly stream: Pick<OperationStream, "out" | "flush">;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Whether the call of that number still waits for its answer. */
  readonly waits: (call: number) => boolean;
  /** A call is on its way. */
  readonly begun: () => void;
}

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
    // Bytes of the client are the socket's buffer, valid only now.
    this.#backlog.add(seat, { code, call, extra, text: typeof text === "string" ? text : text.slice() });
  }

  /** Gives the cell what is no call, behind the calls of `seat` that wait. */
  giveBehind(seat: Seat, code: ToCell, text: string): void {
    if (this.#backlog.holds(seat)) this.#backlog.add(seat, { code, call: 0, extra: 0, text });
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
    if (this.#backlog.size === 0) return;
    while (!this.queue.busy) {
      const next = this.#backlog.next();
      if (next === undefined) break;
      const [seat, { code, call, extra, text }] = next;
      // It may have been answered: its time was up, or its client left.
      if (call !== 0 && !this.#deps.waits(call)) continue;
      if (call !== 0) this.#deps.begun();
      this.send(code, seat.handle, call, extra, text);
    }
    this.queue.flush();
  }
}
