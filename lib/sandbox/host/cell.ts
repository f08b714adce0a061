/**
 * The host's end of a running cell: its pending calls, and the validation of its operations.
 *
 * Every operation of a cell is validated. Handles and call numbers belong to the cell, so it can't name a session or
 * call of another one. A cell that violates a rule is ended, because an intact runtime violates none. Numbers that were
 * valid before are ignored: their operation crossed with one of ours.
 *
 * Way of a message: a call comes in from the slot and goes to the cell as an operation; back, each answer settles its
 * call once. Refuses with -32004 when the cell is full, with -32601 what it lacks, with -32005 what takes too long.
 */
import { isUtf8 } from "node:buffer";
import type { RestartCause } from "../../telemetry/telemetry.ts";
import { ErrorCode } from "../../rpc/errors.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import { type SessionInfo, ToCell, ToHost } from "../wire/operations.ts";
import type { ProcessEnd, Vitals } from "../wire/processes.ts";
import { CellEffects } from "./cell_effects.ts";
import type { CellDeps, CellEnd } from "./cell_deps.ts";
import type { CellOwner } from "./cell_link.ts";
import { CellFeed } from "./cell_queue.ts";
import { CpuWatch } from "./cpu_watch.ts";
import type { PendingCall, PendingPublication } from "./cell_client.ts";
import { type Pending, PendingCalls } from "./pending_calls.ts";
import type { Seat } from "./seat.ts";
import { workOf } from "./work.ts";

/** Maximum number of pending calls. Above it, as in a full cell, calls are answered -32004. */
const MAX_PENDING = 16_384;
/** Milliseconds between two pings to a silent cell. */
const PING_MS = 250;
/** Errors a cell may answer with, without their sign. */
const CELL_ERRORS: ReadonlySet<number> = new Set([
  -ErrorCode.METHOD_NOT_FOUND,
  -ErrorCode.INVALID_PARAMS,
  -ErrorCode.INTERNAL_ERROR,
  -ErrorCode.FORBIDDEN,
  -ErrorCode.OVERLOADED,
]);

export class Cell implements CellOwner {
  readonly #deps: CellDeps;
  readonly #link: CellEnd;
  readonly #feed: CellFeed;
  readonly #effects: CellEffects;
  readonly #cpu: CpuWatch;
  /** Index of each method in the cell's contract. */
  readonly #methods: ReadonlyMap<string, number>;
  readonly #pending = new PendingCalls();
  /** When the chunk that is being executed arrived, on the monotonic clock; undefined before the first one. */
  #arrived: number | undefined;
  #failures = 0;
  #pinged: number;
  #over = false;
  #vitals: Vitals = { memory: 0, cpuMs: 0 };

  constructor(link: CellEnd, seats: ReadonlyMap<number, Seat>, deps: CellDeps) {
    this.#link = link;
    this.#deps = deps;
    this.#pinged = deps.now();
    this.#feed = new CellFeed({
      stream: link.stream,
      now: deps.now,
      waits: (call) => this.#pending.has(call),
      begun: () => this.#effects.earn(),
    });
    this.#cpu = new CpuWatch(deps.timeout, deps.now());
    this.#methods = new Map([...deps.contract.methods.keys()].map((name, index) => [name, index]));
    this.#effects = new CellEffects({
      ...deps,
      raw: deps.contract.kind === "raw",
      seats,
      feed: this.#feed,
      over: () => this.#over,
      unread: () => this.end("crash", "the cell asks without end and does not read"),
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Number of operations that are queued or sent, and not started. */
  get depth(): number {
    return this.#feed.depth;
  }

  get idle(): boolean {
    return this.#pending.size === 0 && this.#feed.depth === 0;
  }

  /** Last reported memory of the process above that of an empty one, in bytes. */
  get memory(): number {
    return this.#vitals.memory;
  }

  open(seat: Seat, resumed: boolean): void {
    const { client, user } = seat;
    const info: SessionInfo = { user, connection: { id: client.id, ip: client.ip, subprotocol: client.subprotocol } };
    const failed = () => {
      if (this.#deps.opens && !this.#over && !seat.closing) client.unserved();
    };
    const call = this.#expect(seat, "open", { resolve() {}, reject: failed }, true);
    this.#feed.send(ToCell.Open, seat.handle, call, resumed ? 1 : 0, JSON.stringify(info));
  }

  call(seat: Seat, method: string, request: string | Uint8Array, call: PendingCall): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    const index = this.#methods.get(method);
    if (index === undefined) return call.reject(ErrorCode.METHOD_NOT_FOUND);
    this.#feed.give(seat, ToCell.Call, this.#expect(seat, method, call), index, request);
  }

  message(seat: Seat, data: string | Uint8Array, call: PendingCall): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    this.#feed.give(seat, ToCell.Message, this.#expect(seat, "message", call), typeof data === "string" ? 1 : 0, data);
  }

  allow(seat: Seat, topic: string, asked: "by_handler" | "in_order", call: PendingCall): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    this.#feed.give(
      seat,
      ToCell.Allow,
      this.#expect(seat, "topic.subscribe", call),
      asked === "by_handler" ? 1 : 0,
      topic,
    );
  }

  /** `seat` is undefined for what no session publishes. */
  publish(seat: Seat | undefined, topic: string, request: string | Uint8Array, call: PendingPublication): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    const id = this.#expect(seat, "topic.publish", {
      resolve: (text) => call.delivered(this.#effects.publish(topic, text as Uint8Array)),
      reject: (code, data) => call.reject(code, data),
    });
    if (seat !== undefined) this.#feed.give(seat, ToCell.Publish, id, 0, request);
    else this.#feed.send(ToCell.Publish, 0, id, 0, request);
  }

  /** Reaches the cell after the calls that were made before. */
  identity(seat: Seat): void {
    this.#feed.giveBehind(seat, ToCell.Identity, JSON.stringify(seat.user));
  }

  /** The client has disconnected. Its calls are settled for the log; the handle stays valid until `close` has run. */
  close(seat: Seat, code: number): void {
    for (const [id, { call }] of this.#pending.takeOf(seat)) {
      this.#feed.send(ToCell.Cancel, seat.handle, id, 0, "");
      call.reject(ErrorCode.OVERLOADED);
    }
    const left = () => this.#deps.left(seat);
    const call = this.#expect(seat, "close", { resolve: left, reject: left });
    this.#feed.send(ToCell.Close, seat.handle, call, code, "");
  }

  /** Answers overdue calls, ends a stuck cell, pings a silent one. */
  tick(now: number): void {
    // The front does not read from a module that has used up its share, for instance by an event for many subscribers.
    const unread = this.#deps.budget.spent;
    if (unread) this.#feed.queue.alive();
    const silent = this.#feed.queue.silent(now);
    const stuck = silent >= this.#deps.timeout;
    for (const [id, { seat, method, call, opening }] of this.#pending.takeOverdue(now)) {
      // In a stuck cell, `open` is not the cause, or it will be overdue in the next cell too.
      if (stuck && opening) continue;
      if (!unread) this.#late(seat, method);
      if (seat !== undefined) this.#feed.send(ToCell.Cancel, seat.handle, id, 0, "");
      call.reject(unread ? ErrorCode.OVERLOADED : ErrorCode.TIMEOUT);
    }
    if (this.#over) return;
    if (stuck) return this.end("timeout", `no sign of life for ${Math.round(silent)} ms`);
    if (now - this.#pinged < PING_MS) return;
    this.#pinged = now;
    this.#feed.queue.add(0);
    this.#link.stream.out.write(ToCell.Ping, 0, 0, 0);
  }

  /** Kills the process and answers all calls with -32004. */
  end(cause: RestartCause, detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.end();
    this.#feed.queue.end();
    const unanswered = this.#pending.takeAll();
    this.#deps.ended(cause, detail);
    for (const { call } of unanswered) call.reject(ErrorCode.OVERLOADED);
  }

  /** Reads and executes the operations of the cell until its connection or its process has ended. */
  async serve(): Promise<void> {
    do {
      // One reading of the clock for all answers of a chunk.
      this.#arrived = this.#deps.now();
      for (let operation = this.#link.next(); operation !== null; operation = this.#link.next()) this.take(operation);
    } while (await this.#link.more());
  }

  take(operation: Operation): void {
    if (this.#over) return;
    try {
      this.#operation(operation);
    } catch (error) {
      if (error instanceof WireError) return this.end("crash", `the cell broke the protocol: ${error.message}`);
      // An error in the session's code must not affect answers for other sessions of the cell.
      this.#deps.log.error("internal", { module: this.#deps.module, error: String(error) });
    }
  }

  // Called by the link.

  vitals(vitals: Vitals): void {
    this.#deps.cpuUsed(Math.max(0, vitals.cpuMs - this.#vitals.cpuMs));
    this.#vitals = vitals;
    const now = this.#deps.now();
    const used = this.#cpu.look(now, vitals.cpuMs, this.#pending.size > 0);
    if (used !== null) this.end("timeout", `${used} ms of CPU were used that no call asked for`);
  }

  ended({ cause, detail }: ProcessEnd): void {
    this.end(cause === "killed" ? "crash" : cause, detail);
  }

  #operation(operation: Operation): void {
    const { code, session, id, extra, first } = operation;
    switch (code) {
      case ToHost.Result:
        if (!isUtf8(first)) throw new WireError("a result is not UTF-8");
        return this.#answered(id, first.length)?.call.resolve(first, this.#arrived);
      case ToHost.Error: {
        if (!CELL_ERRORS.has(extra)) throw new WireError("an error code is not one of a cell's");
        const data = dataOf(first);
        return this.#answered(id, first.length)?.call.reject(-extra, data);
      }
      case ToHost.DeclaredError:
        return this.#declaredError(operation);
      case ToHost.Done:
        if (!this.#feed.progress(id)) throw new WireError("more was done than was asked");
        return this.#feed.fill();
      case ToHost.Crash:
        return this.end("crash", new TextDecoder().decode(first));
      case ToHost.Failed:
        if (session > 0 && ++this.#failures > this.#pending.last) {
          throw new WireError("more failed than was asked");
        }
    }
    this.#feed.queue.alive();
    if (!this.#effects.take(operation)) throw new WireError("the operation is not for a cell that serves");
  }

  /** Code and message are those of the contract that the cell has reported. */
  #declaredError({ id, extra, first }: Operation): void {
    const data = dataOf(first);
    const method = this.#pending.methodOf(id);
    const error = this.#deps.contract.methods.get(method ?? "")?.errors?.[extra];
    if (method !== undefined && error === undefined) throw new WireError("an error is not one of the method's");
    const pending = this.#answered(id, first.length);
    if (error !== undefined) pending?.call.reject(error.code, data, error.message);
  }

  /** The call of that number, which is answered now; undefined when it has been. An unasked answer is charged. */
  #answered(id: number, bytes: number): Pending | undefined {
    const pending = this.#pending.take(id);
    if (pending === undefined) this.#deps.budget.take(workOf(bytes, 0));
    return pending;
  }

  get #full(): boolean {
    return this.#pending.size >= MAX_PENDING || this.#feed.full;
  }

  #expect(seat: Seat | undefined, method: string, call: PendingCall, opening = false): number {
    this.#cpu.asked();
    return this.#pending.add({ seat, method, until: this.#feed.queue.turnAt() + this.#deps.timeout, call, opening });
  }

  #late(seat: Seat | undefined, method: string): void {
    const { log, module, timeout } = this.#deps;
    const whose = seat && { conn: seat.client.id, user: seat.user.id };
    log.warn("handler.timeout", { module, method, ...whose, timeout_ms: timeout });
  }
}

function dataOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) throw new WireError("data of an error is not UTF-8");
  return bytes.length === 0 ? undefined : new TextDecoder().decode(bytes);
}
