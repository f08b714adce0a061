/**
 * The host's end of a running cell: its pending calls, and the validation of its operations.
 *
 * Every operation of a cell is validated. Handles and call numbers belong to the cell, so it can't name a session or
 * call of another one. A cell that violates a rule is ended, because an intact runtime violates none. Numbers that were
 * valid before are ignored: their operation crossed with one of ours.
 */
import { isUtf8 } from "node:buffer";
import type { Log } from "../../log/log.ts";
import type { RestartCause } from "../../telemetry/telemetry.ts";
import { ErrorCode } from "../../rpc/errors.ts";
import type { SharedText } from "../../websocket/websocket.ts";
import type { Contract } from "../author/contract.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import type { OperationStream } from "../wire/operation_stream.ts";
import { type SessionInfo, ToCell, ToHost } from "../wire/operations.ts";
import type { ProcessEnd, Vitals } from "../wire/processes.ts";
import { CellBacklog } from "./cell_backlog.ts";
import { CellEffects } from "./cell_effects.ts";
import type { CellOwner } from "./cell_link.ts";
import { CellQueue } from "./cell_queue.ts";
import { CpuWatch } from "./cpu_watch.ts";
import type { PendingCall } from "./line.ts";
import type { LogAllowance } from "./log_allowance.ts";
import { type Pending, PendingCalls } from "./pending_calls.ts";
import type { Seat } from "./seat.ts";
import { type WorkBudget, workOf } from "./work.ts";

/** The part of the link to a cell that is used here. */
export interface CellEnd {
  readonly stream: Pick<OperationStream, "out" | "flush">;
  end(): void;
}

export interface CellDeps {
  /** Subprotocol of the module, for the log. */
  readonly module: string;
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Maximum duration of a call in milliseconds. */
  readonly timeout: number;
  readonly budget: WorkBudget;
  readonly logAllowance: LogAllowance;
  readonly publish: (topic: string, message: SharedText) => number;
  /** The contract that this cell has reported. */
  readonly contract: Contract;
  /** The module has an `open` hook, which is awaited. */
  readonly opens: boolean;
  /** Called with further CPU time of the process (ms). */
  readonly cpuUsed: (milliseconds: number) => void;
  /** The cell has finished with a session whose client has disconnected. */
  readonly left: (seat: Seat) => void;
  /** The cell is no longer usable. Its process has been killed; its calls are answered next. */
  readonly ended: (cause: RestartCause, detail: string) => void;
}

/** Maximum number of pending calls. Above it, as in a full cell, calls are answered -32004. */
const MAX_PENDING = 16_384;
/**
 * Maximum number of queued operations. A cell that sends queries above it does not read. Calls alone stay far below.
 */
const MAX_UNDONE = 65_536;
/** Milliseconds between two pings to a silent cell. */
const PING_MS = 250;
/** Errors a cell may answer with, without their sign. */
const CELL_ERRORS: ReadonlySet<number> = new Set([
  -ErrorCode.METHOD_NOT_FOUND,
  -ErrorCode.INVALID_PARAMS,
  -ErrorCode.INTERNAL_ERROR,
]);

export class Cell implements CellOwner {
  readonly #deps: CellDeps;
  readonly #link: CellEnd;
  readonly #queue: CellQueue;
  readonly #effects: CellEffects;
  readonly #cpu: CpuWatch;
  /** Index of each method in the cell's contract. */
  readonly #methods: ReadonlyMap<string, number>;
  readonly #pending = new PendingCalls();
  readonly #backlog = new CellBacklog();
  #failures = 0;
  #pinged: number;
  #over = false;
  #vitals: Vitals = { memory: 0, cpuMs: 0 };

  constructor(link: CellEnd, seats: ReadonlyMap<number, Seat>, deps: CellDeps) {
    this.#link = link;
    this.#deps = deps;
    this.#pinged = deps.now();
    this.#queue = new CellQueue(link.stream, deps.now);
    this.#cpu = new CpuWatch(deps.timeout, deps.now());
    this.#methods = new Map([...deps.contract.methods.keys()].map((name, index) => [name, index]));
    this.#effects = new CellEffects({
      module: deps.module,
      log: deps.log,
      now: deps.now,
      budget: deps.budget,
      logAllowance: deps.logAllowance,
      raw: deps.contract.kind === "raw",
      seats,
      publish: deps.publish,
      present: (seat, query, json) => this.#present(seat, query, json),
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Number of operations that are queued or sent, and not started. */
  get depth(): number {
    return this.#queue.undone + this.#backlog.size;
  }

  get idle(): boolean {
    return this.#pending.size === 0 && this.#queue.undone === 0 && this.#backlog.size === 0;
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
    this.#send(ToCell.Open, seat, call, resumed ? 1 : 0, JSON.stringify(info));
  }

  call(seat: Seat, method: string, request: string | Uint8Array, call: PendingCall): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    const index = this.#methods.get(method);
    if (index === undefined) return call.reject(ErrorCode.METHOD_NOT_FOUND);
    this.#give(seat, ToCell.Call, this.#expect(seat, method, call), index, request);
  }

  message(seat: Seat, data: string | Uint8Array, call: PendingCall): void {
    if (this.#full) return call.reject(ErrorCode.OVERLOADED);
    this.#give(seat, ToCell.Message, this.#expect(seat, "message", call), typeof data === "string" ? 1 : 0, data);
  }

  /** Reaches the cell after the calls that were made before. */
  identity(seat: Seat): void {
    const text = JSON.stringify(seat.user);
    if (this.#backlog.holds(seat)) this.#backlog.add(seat, { code: ToCell.Identity, call: 0, extra: 0, text });
    else this.#send(ToCell.Identity, seat, 0, 0, text);
  }

  /** The client has disconnected. Its calls are settled for the log; the handle stays valid until `close` has run. */
  close(seat: Seat, code: number): void {
    for (const [id, { call }] of this.#pending.takeOf(seat)) {
      this.#send(ToCell.Cancel, seat, id, 0, "");
      call.reject(ErrorCode.OVERLOADED);
    }
    const left = () => this.#deps.left(seat);
    const call = this.#expect(seat, "close", { resolve: left, reject: left });
    this.#send(ToCell.Close, seat, call, code, "");
  }

  /** Answers overdue calls, ends a stuck cell, pings a silent one. */
  tick(now: number): void {
    const silent = this.#queue.silent(now);
    const stuck = silent >= this.#deps.timeout;
    for (const [id, { seat, method, call, opening }] of this.#pending.takeOverdue(now)) {
      // In a stuck cell, `open` is not the cause, or it will be overdue in the next cell too.
      if (stuck && opening) continue;
      this.#late(seat, method);
      this.#send(ToCell.Cancel, seat, id, 0, "");
      call.reject(ErrorCode.TIMEOUT);
    }
    if (this.#over) return;
    if (stuck) return this.end("timeout", `no sign of life for ${Math.round(silent)} ms`);
    if (now - this.#pinged < PING_MS) return;
    this.#pinged = now;
    this.#queue.add(0);
    this.#link.stream.out.write(ToCell.Ping, 0, 0, 0);
  }

  /** Kills the process and answers all calls with -32004. */
  end(cause: RestartCause, detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.end();
    this.#queue.end();
    const unanswered = this.#pending.takeAll();
    this.#deps.ended(cause, detail);
    for (const { call } of unanswered) call.reject(ErrorCode.OVERLOADED);
  }

  // Methods that the link calls.

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
    const { code, id, extra, first } = operation;
    switch (code) {
      case ToHost.Result: {
        if (!isUtf8(first)) throw new WireError("a result is not UTF-8");
        return this.#answered(id, first.length)?.call.resolve(first);
      }
      case ToHost.Error: {
        if (!CELL_ERRORS.has(extra)) throw new WireError("an error code is not one of a cell's");
        if (!isUtf8(first)) throw new WireError("data of an error is not UTF-8");
        const data = first.length === 0 ? undefined : new TextDecoder().decode(first);
        return this.#answered(id, first.length)?.call.reject(-extra, data);
      }
      case ToHost.DeclaredError:
        return this.#declaredError(operation);
      case ToHost.Done:
        if (!this.#queue.progress(id, this.#backlog.size > 0)) throw new WireError("more was done than was asked");
        return this.#fill();
      case ToHost.Crash:
        return this.end("crash", new TextDecoder().decode(first));
      case ToHost.Failed:
        if (operation.session > 0 && ++this.#failures > this.#pending.last) {
          throw new WireError("more failed than was asked");
        }
    }
    this.#queue.alive();
    if (!this.#effects.take(operation)) throw new WireError("the operation is not for a cell that serves");
  }

  /** Code and message are those of the contract. */
  #declaredError({ id, extra, first }: Operation): void {
    if (!isUtf8(first)) throw new WireError("data of an error is not UTF-8");
    const method = this.#pending.methodOf(id);
    const error = this.#deps.contract.methods.get(method ?? "")?.errors?.[extra];
    if (method !== undefined && error === undefined) throw new WireError("an error is not one of the method's");
    const pending = this.#answered(id, first.length);
    if (pending === undefined || error === undefined) return;
    const data = first.length === 0 ? undefined : new TextDecoder().decode(first);
    pending.call.reject(error.code, data, error.message);
  }

  get #full(): boolean {
    return this.#pending.size >= MAX_PENDING || this.#queue.full(this.#backlog.bytes);
  }

  /** Passes a client's message to the cell, or queues it while the cell is busy. */
  #give(seat: Seat, code: ToCell, call: number, extra: number, text: string | Uint8Array): void {
    if (this.#backlog.size === 0 && !this.#queue.busy) {
      this.#effects.earn();
      return this.#send(code, seat, call, extra, text);
    }
    // The bytes are the socket's buffer, valid only now.
    this.#backlog.add(seat, { code, call, extra, text: typeof text === "string" ? text : text.slice() });
  }

  #send(code: ToCell, seat: Seat, id: number, extra: number, text: string | Uint8Array): void {
    this.#queue.add(text.length);
    this.#link.stream.out.write(code, seat.handle, id, extra, text);
  }

  /** Passes queued operations to the cell, as far as it has room; they leave at once, because the cell may be idle. */
  #fill(): void {
    if (this.#backlog.size === 0) return;
    while (!this.#queue.busy) {
      const next = this.#backlog.next();
      if (next === undefined) break;
      const [seat, { code, call, extra, text }] = next;
      // The call may have been answered: its time was up, or its client disconnected.
      if (call !== 0 && !this.#pending.has(call)) continue;
      if (call !== 0) this.#effects.earn();
      this.#send(code, seat, call, extra, text);
    }
    this.#queue.flush();
  }

  #present(seat: Seat, query: number, json: string | null): void {
    if (this.#over) return;
    if (this.#queue.undone >= MAX_UNDONE) return this.end("crash", "the cell asks without end and does not read");
    const answer = this.#queue.full(this.#backlog.bytes) ? null : json;
    this.#send(ToCell.Presence, seat, query, answer === null ? 0 : 1, answer ?? "");
  }

  #expect(seat: Seat, method: string, call: PendingCall, opening = false): number {
    this.#cpu.asked();
    return this.#pending.add({ seat, method, until: this.#queue.since + this.#deps.timeout, call, opening });
  }

  /**
   * Returns the call of that number, which is now answered; undefined if it was answered before. An answer without a
   * call is charged.
   */
  #answered(id: number, bytes: number): Pending | undefined {
    const pending = this.#pending.take(id);
    if (pending === undefined) this.#deps.budget.take(workOf(bytes, 0));
    return pending;
  }

  #late(seat: Seat, method: string): void {
    const { log, module, timeout } = this.#deps;
    log.warn("handler.timeout", { module, method, conn: seat.client.id, user: seat.user.id, timeout_ms: timeout });
  }
}
