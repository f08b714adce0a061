/**
 * Executes the operations of a cell on its sessions: finds the session by the cell's own handle, makes the checks that
 * the table of operations can't make, passes the operation on, and answers queries.
 */
import { Buffer, isUtf8 } from "node:buffer";
import { decodeUtf8 } from "../../base/utf8.ts";
import type { Log } from "../../log/log.ts";
import { Allowance } from "../wire/allowance.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import { LEVELS, MAX_INFO_BYTES, ToCell, ToHost } from "../wire/operations.ts";
import type { Present } from "./cell_client.ts";
import type { CellFeed } from "./cell_queue.ts";
import type { LogAllowance } from "./log_allowance.ts";
import type { Seat } from "./seat.ts";
import { type WorkBudget, workOf } from "./work.ts";

export interface CellEffectsDeps {
  /** Subprotocol of the module. */
  readonly module: string;
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  readonly budget: WorkBudget;
  readonly logAllowance: LogAllowance;
  /** Whether the module takes raw frames; others can't send any. */
  readonly raw: boolean;
  /** Seats by handle. Handles are assigned in order: a missing one was closed. */
  readonly seats: ReadonlyMap<number, Seat>;
  /** Sends `text`, UTF-8, to the subscribers of the module's topic on all nodes. Returns the number of those on this node. */
  readonly publish: (topic: string, text: Uint8Array) => number;
  /** Takes the answers to queries. */
  readonly feed: Pick<CellFeed, "send" | "full"> & { readonly queue: Pick<CellFeed["queue"], "undone"> };
  /** Whether the cell has ended. */
  readonly over: () => boolean;
  /** Ends the cell, which asks more than it reads answers. */
  readonly unread: () => void;
}

/** Length of a reference to an error: a UUID. */
const REF_LENGTH = 36;
/**
 * Maximum number of queued operations. A cell that sends queries above it does not read. Calls alone stay far below.
 */
const MAX_UNDONE = 65_536;

export class CellEffects {
  readonly #deps: CellEffectsDeps;
  /** Twice the allowance in the cell. */
  readonly #allowance: Allowance;

  constructor(deps: CellEffectsDeps) {
    this.#deps = deps;
    this.#allowance = new Allowance(2, deps.now());
  }

  /** The cell received a client message. */
  earn(): void {
    this.#allowance.earn(1);
  }

  /** Sends what a client or a backend published; returns how many subscribers this node has. `notification` is UTF-8. */
  publish(topic: string, notification: Uint8Array): number {
    const receivers = this.#deps.publish(topic, notification.slice());
    this.#deps.budget.take(workOf(notification.length, receivers));
    return receivers;
  }

  /** Carries out one operation that no call asked for. Throws a `WireError`; returns false when it is none of these. */
  take({ code, session, id, extra, first, second }: Operation): boolean {
    switch (code) {
      case ToHost.Notify:
        this.#unasked(first.length, 0);
        this.#present(session)?.client.notify(text(first));
        return true;
      case ToHost.Send:
        if (!this.#deps.raw) throw new WireError("a module that is not raw sends a frame");
        this.#unasked(first.length, 0);
        this.#present(session)?.client.send(extra === 1 ? text(first) : first, extra === 1);
        return true;
      case ToHost.Publish: {
        const receivers = this.#deps.publish(string(first), text(second).slice());
        this.#unasked(second.length, receivers);
        return true;
      }
      case ToHost.Subscribe:
        this.#unasked(first.length, 0);
        this.#subscribe(session, id, string(first));
        return true;
      case ToHost.Unsubscribe:
        this.#unasked(first.length, 0);
        this.#present(session)?.client.unsubscribe(string(first));
        return true;
      case ToHost.Presence:
        this.#unasked(first.length, 0);
        this.#presence(session, id, string(first));
        return true;
      case ToHost.Close:
        this.#unasked(first.length, 0);
        this.#present(session)?.client.closeByHandler(string(first));
        return true;
      case ToHost.Log:
        this.#unasked(first.length + second.length, 0);
        this.#log(session, LEVELS[extra]!, string(first), fieldsOf(second));
        return true;
      case ToHost.Failed: {
        const what = string(first);
        if (session === 0) this.#unasked(first.length + second.length, 0);
        else this.#deps.budget.take(workOf(first.length + second.length, 0));
        this.#failed(session, what.slice(0, REF_LENGTH), what.slice(REF_LENGTH + 1), string(second));
        return true;
      }
    }
    return false;
  }

  #subscribe(session: number, query: number, topic: string): void {
    const seat = this.#present(session);
    seat?.client.subscribe(topic, (code) => this.#reply(ToCell.Subscribed, seat, query, -code, ""));
  }

  /**
   * Charged by the number of counted connections, at once, so that the next query of the same chunk waits; and by the
   * length of the answer.
   */
  #presence(session: number, query: number, topic: string): void {
    const seat = this.#present(session);
    if (seat === undefined) return;
    this.#deps.budget.take(seat.client.followers(topic));
    seat.client.presence(topic).then(
      (present) => this.#answer(seat, query, present),
      () => this.#reply(ToCell.Presence, seat, query, 0, ""),
    );
  }

  #answer(seat: Seat, query: number, present: readonly Present[]): void {
    const json = JSON.stringify(present);
    this.#deps.budget.take(workOf(json.length, 0) + present.length);
    const sent = !this.#deps.feed.full && Buffer.byteLength(json) <= MAX_INFO_BYTES;
    this.#reply(ToCell.Presence, seat, query, sent ? 1 : 0, sent ? json : "");
  }

  /** Answers a query, unless the cell does not read its answers. */
  #reply(code: ToCell, seat: Seat, query: number, extra: number, text: string): void {
    const { feed, over, unread } = this.#deps;
    if (over()) return;
    if (feed.queue.undone >= MAX_UNDONE) return unread();
    feed.send(code, seat.handle, query, extra, text);
  }

  #log(session: number, level: typeof LEVELS[number], message: string, fields: Record<string, unknown>): void {
    const { log, module, logAllowance } = this.#deps;
    const suppressed = logAllowance.take();
    if (suppressed === null) return;
    const all = suppressed === 0 ? fields : { ...fields, suppressed };
    const client = this.#deps.seats.get(session)?.client;
    if (client !== undefined) client.logged(level, message, all);
    else log[level]("handler.log", { module, message, fields: all });
  }

  #failed(session: number, ref: string, method: string, error: string): void {
    const client = this.#deps.seats.get(session)?.client;
    this.#deps.log.error("handler.failed", {
      module: this.#deps.module,
      method,
      ref,
      ...(client ? { conn: client.id, user: client.user.id } : {}),
      error,
    });
  }

  #present(session: number): Seat | undefined {
    const seat = this.#deps.seats.get(session);
    return seat === undefined || seat.closing ? undefined : seat;
  }

  #unasked(bytes: number, receivers: number): void {
    this.#deps.budget.take(workOf(bytes, receivers));
    if (!this.#allowance.take(bytes, this.#deps.now)) throw new WireError("too much is sent unasked");
  }
}

/** Checks that the bytes of a text frame are UTF-8 (RFC 6455 section 5.6). */
function text(bytes: Uint8Array): Uint8Array {
  if (!isUtf8(bytes)) throw new WireError("a text is not UTF-8");
  return bytes;
}

function string(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new WireError("a text is not UTF-8");
  }
}

function fieldsOf(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {};
  try {
    const fields: unknown = JSON.parse(string(bytes));
    if (fields !== null && typeof fields === "object") return { ...fields };
  } catch {
    // Refused below.
  }
  throw new WireError("log fields are not a JSON object");
}
