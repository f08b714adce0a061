/** Unanswered calls of a cell, started or queued. */
import { WireError } from "../wire/operation_reader.ts";
import type { PendingCall } from "./cell_client.ts";
import type { Seat } from "./seat.ts";

export interface Pending {
  /** Undefined for what no session asked. */
  readonly seat: Seat | undefined;
  readonly method: string;
  /** Deadline on the monotonic clock, in milliseconds. */
  readonly until: number;
  readonly call: PendingCall;
  /** Whether the call is the awaited `open` hook. */
  readonly opening: boolean;
}

const MAX_NUMBER = 0xffff_ffff;

export class PendingCalls {
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  get size(): number {
    return this.#pending.size;
  }

  /** The last assigned number; numbers count up from 1. */
  get last(): number {
    return this.#last;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** The method of a pending call; undefined when it has been answered. */
  methodOf(id: number): string | undefined {
    return this.#pending.get(id)?.method;
  }

  /** Adds a call. Returns its number. */
  add(pending: Pending): number {
    const id = this.#last = this.#last % MAX_NUMBER + 1;
    this.#pending.set(id, pending);
    return id;
  }

  /**
   * Removes and returns the call of that number; undefined when it has been answered.
   *
   * @throws {WireError} if no such call was made
   */
  take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending !== undefined) this.#pending.delete(id);
    else if (id > this.#last) throw new WireError("a call is answered that was never made");
    return pending;
  }

  /** Removes and returns the calls of `seat`. */
  *takeOf(seat: Seat): Generator<[number, Pending]> {
    for (const entry of this.#pending) {
      if (entry[1].seat !== seat) continue;
      this.#pending.delete(entry[0]);
      yield entry;
    }
  }

  /** Removes and returns overdue calls, oldest first. All have the same timeout. */
  *takeOverdue(now: number): Generator<[number, Pending]> {
    for (const entry of this.#pending) {
      if (entry[1].until > now) return;
      this.#pending.delete(entry[0]);
      yield entry;
    }
  }

  /** Removes and returns all calls. */
  takeAll(): Pending[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    return all;
  }
}
