/**
 * The main isolate's end of one running cell: what it was given and has not answered, and what it may do.
 *
 * Nothing a cell sends is believed. Handles and call numbers are the cell's own, so that it can't name a session or a call of
 * another; a cell that breaks a rule (`cell_reader.ts`) is ended, since only one whose runtime is no longer in control does.
 * Numbers that were once valid are ignored: they crossed with our own message.
 */
import { FairQueue } from "../fair_queue/fair_queue.ts";
import type { Log } from "../ops/log.ts";
import type { RestartCause } from "../ops/telemetry.ts";
import { Allowance } from "./allowance.ts";
import { CellBatches } from "./cell_batches.ts";
import { Broken, type CellAnswers, CellReader } from "./cell_reader.ts";
import { CellSessions } from "./cell_sessions.ts";
import type { CellWorker } from "./cell_worker.ts";
import type { PendingCall } from "./line.ts";
import type { Seat } from "./seat.ts";
import { type SessionInfo, ToCell } from "./wire.ts";

export interface CellDeps {
  /** Subprotocol of the module, for the log. */
  readonly module: string;
  readonly log: Log;
  readonly now: () => number;
  /** Milliseconds a call may take. */
  readonly timeout: number;
  /** Bytes the cell may hold outside its heap. */
  readonly memory: number;
  /** The module has an `open` hook, whose end is waited for. */
  readonly opens: boolean;
  /** The cell is no longer usable. Its worker has been ended, its calls answered. */
  readonly ended: (cause: RestartCause, detail: string) => void;
}

interface Pending {
  readonly seat: Seat;
  readonly method: string;
  readonly until: number;
  readonly call: PendingCall;
  /** It is the `open` hook that is waited for. */
  readonly opening: boolean;
}

/** An operation on its way to a busy cell. */
interface Waiting {
  /** The call's number; 0 for an operation that is none. */
  readonly call: number;
  readonly bytes: number;
  readonly operation: readonly unknown[];
}

/** Calls begun and not yet answered; beyond them, as in a cell that is full, calls answer -32004. */
const MOST_PENDING = 16_384;
/** Milliseconds between two looks at a cell that says nothing by itself. */
const PING_MS = 250;

export class Cell {
  readonly #deps: CellDeps;
  readonly #worker: Pick<CellWorker, "post" | "end">;
  readonly #batches: CellBatches;
  readonly #reader: CellReader;
  readonly #pending = new Map<number, Pending>();
  /** What clients have sent while the cell was busy, by session: one with many calls leaves the others their turns. */
  readonly #waiting = new FairQueue<Seat, Waiting>();
  #waitingBytes = 0;
  #calls = 0;
  #pinged: number;
  #over = false;
  /** Bytes the cell last said to hold outside its heap. */
  external = 0;
  /** Resident bytes of the process when the cell last showed life; 0: not looked at yet. */
  rss = 0;

  constructor(worker: Pick<CellWorker, "post" | "end">, seats: ReadonlyMap<number, Seat>, deps: CellDeps) {
    this.#worker = worker;
    this.#deps = deps;
    this.#pinged = deps.now();
    const allowance = new Allowance(2, this.#pinged);
    this.#batches = new CellBatches((batch) => {
      allowance.earn(batch.length);
      worker.post(batch);
    }, deps.now);
    const sessions = new CellSessions(seats, {
      module: deps.module,
      log: deps.log,
      present: (seat, query, text) => {
        if (!this.#over) this.#batches.begin(text.length).push(ToCell.Presence, seat.handle, query, text);
      },
    });
    this.#reader = new CellReader(this.#answers(), sessions, allowance, deps.now);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Calls not answered, or operations not done, whichever is more. */
  get depth(): number {
    return Math.max(this.#pending.size, this.#batches.undone);
  }

  get idle(): boolean {
    return this.#pending.size === 0 && this.#batches.undone === 0 && this.#waiting.size === 0;
  }

  open(seat: Seat, resumed: boolean): void {
    const { client, user } = seat;
    const info: SessionInfo = { user, connection: { id: client.id, ip: client.ip, subprotocol: client.subprotocol } };
    let call = 0;
    if (this.#deps.opens) {
      const failed = () => {
        if (!this.#over && !seat.closing) client.unserved();
      };
      call = this.#expect(seat, "open", { resolve() {}, reject: failed }, true);
    }
    const text = JSON.stringify(info);
    this.#batches.begin(text.length).push(ToCell.Open, seat.handle, resumed ? 1 : 0, call, text);
  }

  call(seat: Seat, method: string, text: string, call: PendingCall): void {
    if (this.#full) return call.reject(-32004);
    const id = this.#expect(seat, method, call);
    if (this.#crowded) return this.#wait(seat, id, text.length, [ToCell.Call, seat.handle, id, method, text]);
    this.#batches.begin(text.length).push(ToCell.Call, seat.handle, id, method, text);
  }

  message(seat: Seat, data: string | Uint8Array, call: PendingCall): void {
    if (this.#full) return call.reject(-32004);
    const id = this.#expect(seat, "message", call);
    // The bytes are the socket's buffer, valid only now.
    const own = typeof data === "string" ? data : data.slice();
    if (this.#crowded) return this.#wait(seat, id, own.length, [ToCell.Message, seat.handle, id, own]);
    this.#batches.begin(own.length).push(ToCell.Message, seat.handle, id, own);
  }

  /** Comes to the cell behind the calls that were made before. */
  identity(seat: Seat): void {
    const text = JSON.stringify(seat.user);
    if (this.#waiting.sizeOf(seat) > 0) this.#wait(seat, 0, text.length, [ToCell.Identity, seat.handle, text]);
    else this.#batches.begin(text.length).push(ToCell.Identity, seat.handle, text);
  }

  /** The client left. Its calls are answered for the record; the handle stays good until `close` has run. */
  close(seat: Seat, code: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.seat !== seat) continue;
      this.#pending.delete(id);
      this.#batches.begin(0).push(ToCell.Cancel, seat.handle, id);
      pending.call.reject(-32004);
    }
    const left = () => seat.slot.left(seat, this);
    const call = this.#expect(seat, "close", { resolve: left, reject: left });
    this.#batches.begin(0).push(ToCell.Close, seat.handle, call, code);
  }

  /** Milliseconds the cell has owed us a sign of life; 0 when it owes none. */
  silent(now: number): number {
    return this.#batches.silent(now);
  }

  /** Answers overdue calls, ends a cell that is stuck, asks one that says nothing. */
  tick(now: number): void {
    const silent = this.silent(now);
    const stuck = silent >= this.#deps.timeout;
    for (const [id, pending] of this.#pending) {
      if (pending.until > now) break;
      this.#pending.delete(id);
      // It is not `open` that holds up a stuck cell, or it will again in the next one.
      if (stuck && pending.opening) continue;
      this.#late(pending.seat, pending.method);
      this.#batches.begin(0).push(ToCell.Cancel, pending.seat.handle, id);
      pending.call.reject(-32005);
    }
    if (this.#over) return;
    if (stuck) return this.end("timeout", `no sign of life for ${Math.round(silent)} ms`);
    if (this.external > this.#deps.memory) {
      return this.end("out_of_memory", `${this.external} bytes are held outside the heap`);
    }
    if (now - this.#pinged >= PING_MS) {
      this.#pinged = now;
      this.#batches.begin(0).push(ToCell.Ping);
    }
  }

  /** Ends the worker and answers everything with -32004. */
  end(cause: RestartCause, detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.end();
    this.#batches.end();
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    this.#deps.ended(cause, detail);
    for (const { call } of unanswered) call.reject(-32004);
  }

  /** One message from the worker. */
  receive(data: unknown): void {
    if (this.#over) return;
    try {
      this.#reader.read(data);
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.end("crash", `the cell broke the protocol: ${error.message}`);
    }
  }

  #answers(): CellAnswers {
    return {
      over: () => this.#over,
      result: (id, text) => {
        const pending = this.#take(id);
        pending?.call.resolve(text);
        return pending !== undefined;
      },
      error: (id, code, data) => {
        const pending = this.#take(id);
        pending?.call.reject(code, data);
        return pending !== undefined;
      },
      done: (operations, external) => {
        if (!this.#batches.progress(operations)) throw new Broken("more is said to be done than was asked");
        this.external = external;
        this.#fill();
      },
      crash: (outOfMemory, detail) => this.end(outOfMemory ? "out_of_memory" : "crash", detail),
      fault: (error) => this.#deps.log.error("internal", { module: this.#deps.module, error: String(error) }),
    };
  }

  get #full(): boolean {
    return this.#pending.size >= MOST_PENDING || this.#batches.full(this.#waitingBytes);
  }

  get #crowded(): boolean {
    return this.#waiting.size > 0 || this.#batches.busy;
  }

  #wait(seat: Seat, call: number, bytes: number, operation: readonly unknown[]): void {
    this.#waitingBytes += bytes;
    this.#waiting.add(seat, { call, bytes, operation });
  }

  /** Gives the cell what waits, as far as it has room. */
  #fill(): void {
    while (!this.#batches.busy) {
      const next = this.#waiting.next();
      if (next === undefined) return;
      this.#waitingBytes -= next.bytes;
      // It may have been answered meanwhile: its time was up, or its client left.
      if (next.call === 0 || this.#pending.has(next.call)) this.#batches.begin(next.bytes).push(...next.operation);
    }
  }

  #expect(seat: Seat, method: string, call: PendingCall, opening = false): number {
    const id = ++this.#calls;
    this.#pending.set(id, { seat, method, until: this.#batches.since + this.#deps.timeout, call, opening });
    return id;
  }

  /** The call of that number, which is answered now; undefined when it has been. */
  #take(id: number): Pending | undefined {
    if (id > this.#calls) throw new Broken("a call is answered that was never made");
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #late(seat: Seat, method: string): void {
    const { log, module, timeout } = this.#deps;
    log.warn("handler.timeout", { module, method, conn: seat.client.id, user: seat.user.id, timeout_ms: timeout });
  }
}
