/**
 * The main isolate's end of one running cell: what it was given and has not answered, and what it may do.
 *
 * Nothing a cell sends is believed. Handles and call numbers are the cell's own, so that it can't name a session or a call of
 * another; types, sizes and amounts are checked; a cell that breaks a rule is ended (`broken`), since only one whose runtime
 * is no longer in control does. Numbers that were once valid are ignored: they crossed with our own message.
 */
import type { Log } from "../ops/log.ts";
import type { RestartCause } from "../ops/telemetry.ts";
import { Allowance } from "./allowance.ts";
import type { CellWorker } from "./cell_worker.ts";
import type { PendingCall, Present } from "./line.ts";
import type { Seat } from "./seat.ts";
import { LEVELS, MAX_LOG, MAX_TEXT, MAX_TOPIC, type SessionInfo, ToCell, ToMain } from "./wire.ts";

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

/** Operations and UTF-16 units or bytes a cell may have before it; beyond them calls answer -32004. */
const MOST_OPERATIONS = 16_384;
const MOST_BYTES = 32 * 1024 * 1024;
/** Calls begun and not yet answered. */
const MOST_PENDING = 16_384;
/** Operands in one batch from a cell. */
const MOST_OPERANDS = 65_536;
/** Milliseconds between two looks at a cell that says nothing by itself. */
const PING_MS = 250;

export class Cell {
  readonly #deps: CellDeps;
  readonly #worker: Pick<CellWorker, "post" | "end">;
  readonly #seats: ReadonlyMap<number, Seat>;
  readonly #pending = new Map<number, Pending>();
  readonly #allowance: Allowance;
  #calls = 0;
  #batch: unknown[] = [];
  #batchBytes = 0;
  #batchAt = 0;
  #sent = 0;
  #done = 0;
  /** Batches not yet done: the number of the last operation, bytes, when. */
  readonly #flying: { end: number; bytes: number; at: number }[] = [];
  #flyingBytes = 0;
  #heard: number;
  #pinged: number;
  #over = false;
  /** Bytes the cell last said to hold outside its heap. */
  external = 0;
  /** Resident bytes of the process when the cell last showed life; 0: not looked at yet. */
  rss = 0;

  constructor(worker: Pick<CellWorker, "post" | "end">, seats: ReadonlyMap<number, Seat>, deps: CellDeps) {
    this.#worker = worker;
    this.#seats = seats;
    this.#deps = deps;
    this.#heard = this.#pinged = deps.now();
    this.#allowance = new Allowance(2, this.#heard);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Calls not answered, or operations not done, whichever is more. */
  get depth(): number {
    return Math.max(this.#pending.size, this.#sent - this.#done);
  }

  get idle(): boolean {
    return this.#pending.size === 0 && this.#sent === this.#done;
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
    this.#add(text.length, ToCell.Open, seat.handle, resumed ? 1 : 0, call, text);
  }

  call(seat: Seat, method: string, text: string, call: PendingCall): void {
    if (this.#full || this.#pending.size >= MOST_PENDING) return call.reject(-32004);
    const id = this.#expect(seat, method, call);
    this.#begin(text.length);
    this.#batch.push(ToCell.Call, seat.handle, id, method, text);
  }

  message(seat: Seat, data: string | Uint8Array, call: PendingCall): void {
    if (this.#full || this.#pending.size >= MOST_PENDING) return call.reject(-32004);
    const id = this.#expect(seat, "message", call);
    this.#begin(data.length);
    // The bytes are the socket's buffer, valid only now.
    this.#batch.push(ToCell.Message, seat.handle, id, typeof data === "string" ? data : data.slice());
  }

  identity(seat: Seat): void {
    const text = JSON.stringify(seat.user);
    this.#add(text.length, ToCell.Identity, seat.handle, text);
  }

  /** The client left. Its calls are answered for the record; the handle stays good until `close` has run. */
  close(seat: Seat, code: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.seat !== seat) continue;
      this.#pending.delete(id);
      this.#add(0, ToCell.Cancel, seat.handle, id);
      pending.call.reject(-32004);
    }
    const left = () => seat.slot.left(seat, this);
    const call = this.#expect(seat, "close", { resolve: left, reject: left });
    this.#add(0, ToCell.Close, seat.handle, call, code);
  }

  /** Milliseconds the cell has owed us a sign of life; 0 when it owes none. */
  silent(now: number): number {
    const oldest = this.#flying[0];
    return oldest === undefined ? 0 : now - Math.max(oldest.at, this.#heard);
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
      this.#add(0, ToCell.Cancel, pending.seat.handle, id);
      pending.call.reject(-32005);
    }
    if (this.#over) return;
    if (stuck) return this.end("timeout", `no sign of life for ${Math.round(silent)} ms`);
    if (this.external > this.#deps.memory) {
      return this.end("out_of_memory", `${this.external} bytes are held outside the heap`);
    }
    if (now - this.#pinged >= PING_MS) {
      this.#pinged = now;
      this.#add(0, ToCell.Ping);
    }
  }

  /** Ends the worker and answers everything with -32004. */
  end(cause: RestartCause, detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.end();
    this.#batch = [];
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    this.#deps.ended(cause, detail);
    for (const { call } of unanswered) call.reject(-32004);
  }

  /** One message from the worker. */
  receive(data: unknown): void {
    if (this.#over) return;
    if (!Array.isArray(data) || data.length > MOST_OPERANDS) {
      return this.#broken("a batch is not an array of allowed length");
    }
    const batch: readonly unknown[] = data;
    let at = 0;
    while (at < batch.length && !this.#over) {
      const code = batch[at];
      try {
        at = this.#operation(code, batch, at + 1);
      } catch (error) {
        if (error instanceof Broken) return this.#broken(error.message);
        // A fault of the session's own code must not cost the other sessions of the cell their answers.
        this.#deps.log.error("internal", { module: this.#deps.module, error: String(error) });
        at += 1 + OPERANDS[code as ToMain]!;
      }
    }
  }

  #operation(code: unknown, batch: readonly unknown[], at: number): number {
    switch (code) {
      case ToMain.Result: {
        const id = batch[at];
        const text = batch[at + 1];
        if (typeof text !== "string" || text.length > MAX_TEXT) {
          throw new Broken("a result is no text of allowed length");
        }
        this.#take(id)?.call.resolve(text);
        return at + 2;
      }
      case ToMain.Error: {
        const data = string(batch[at + 2], MAX_TEXT);
        const number = batch[at + 1];
        if (number !== -32601 && number !== -32602 && number !== -32603) {
          throw new Broken("an error code is not one of a cell's");
        }
        this.#take(batch[at])?.call.reject(number, data === "" ? undefined : data);
        return at + 3;
      }
      case ToMain.Done: {
        const done = batch[at];
        const external = batch[at + 1];
        if (typeof done !== "number" || typeof external !== "number" || !(done > this.#done) || done > this.#sent) {
          throw new Broken("more is said to be done than was asked");
        }
        this.external = external;
        this.#progress(done);
        return at + 2;
      }
      case ToMain.Notify: {
        const text = string(batch[at + 1], MAX_TEXT);
        this.#unasked(text.length);
        this.#present(batch[at])?.client.notify(text);
        return at + 2;
      }
      case ToMain.Publish: {
        const topic = string(batch[at + 1], MAX_TOPIC);
        const text = string(batch[at + 2], MAX_TEXT);
        this.#unasked(text.length);
        this.#seat(batch[at])?.client.publish(topic, text);
        return at + 3;
      }
      case ToMain.Send: {
        const data = batch[at + 1];
        if (typeof data !== "string" && !(data instanceof Uint8Array) || data.length > MAX_TEXT) {
          throw new Broken("a frame is neither text nor bytes of allowed length");
        }
        this.#unasked(data.length);
        this.#present(batch[at])?.client.send(data);
        return at + 2;
      }
      case ToMain.Subscribe:
      case ToMain.Unsubscribe: {
        const topic = string(batch[at + 1], MAX_TOPIC);
        this.#unasked(topic.length);
        const client = this.#present(batch[at])?.client;
        if (code === ToMain.Subscribe) client?.subscribe(topic);
        else client?.unsubscribe(topic);
        return at + 2;
      }
      case ToMain.Presence: {
        const query = batch[at + 1];
        const topic = string(batch[at + 2], MAX_TOPIC);
        if (typeof query !== "number") throw new Broken("a query is no number");
        this.#unasked(topic.length);
        const seat = this.#present(batch[at]);
        if (seat !== undefined) this.#presence(seat, query, topic);
        return at + 3;
      }
      case ToMain.Close: {
        const reason = string(batch[at + 1], 123);
        this.#unasked(0);
        this.#present(batch[at])?.client.closeByHandler(reason);
        return at + 2;
      }
      case ToMain.Log: {
        const level = LEVELS[batch[at + 1] as number];
        const message = string(batch[at + 2], MAX_LOG);
        const fields = string(batch[at + 3], MAX_LOG);
        if (level === undefined) throw new Broken("a log level does not exist");
        this.#unasked(message.length + fields.length);
        this.#log(batch[at], level, message, fields);
        return at + 4;
      }
      case ToMain.Failed: {
        const [ref, method, error] = [
          string(batch[at + 1], 64),
          string(batch[at + 2], MAX_TOPIC),
          string(batch[at + 3], MAX_LOG),
        ];
        this.#unasked(error.length);
        const client = this.#seat(batch[at])?.client;
        this.#deps.log.error("handler.failed", {
          module: this.#deps.module,
          method,
          ref,
          ...(client ? { conn: client.id, user: client.user.id } : {}),
          error,
        });
        return at + 4;
      }
      case ToMain.Crash:
        this.end(batch[at] === 1 ? "out_of_memory" : "crash", string(batch[at + 1], MAX_LOG));
        return at + 2;
    }
    throw new Broken("an operation does not exist");
  }

  get #full(): boolean {
    return this.#sent - this.#done >= MOST_OPERATIONS || this.#flyingBytes + this.#batchBytes >= MOST_BYTES;
  }

  #expect(seat: Seat, method: string, call: PendingCall, opening = false): number {
    const id = ++this.#calls;
    const at = this.#batch.length === 0 ? this.#deps.now() : this.#batchAt;
    this.#pending.set(id, { seat, method, until: at + this.#deps.timeout, call, opening });
    return id;
  }

  #add(bytes: number, ...operation: unknown[]): void {
    this.#begin(bytes);
    for (const part of operation) this.#batch.push(part);
  }

  /** Counts an operation that the caller is about to add. */
  #begin(bytes: number): void {
    if (this.#batch.length === 0) {
      this.#batchAt = this.#deps.now();
      setImmediate(this.#flush);
    }
    this.#batchBytes += bytes;
    this.#sent++;
  }

  #flush = (): void => {
    const batch = this.#batch;
    if (batch.length === 0 || this.#over) return;
    this.#batch = [];
    this.#allowance.earn(batch.length);
    this.#flying.push({ end: this.#sent, bytes: this.#batchBytes, at: this.#batchAt });
    this.#flyingBytes += this.#batchBytes;
    this.#batchBytes = 0;
    this.#worker.post(batch);
  };

  #progress(done: number): void {
    this.#done = done;
    this.#heard = this.#deps.now();
    while (this.#flying.length > 0 && this.#flying[0]!.end <= done) this.#flyingBytes -= this.#flying.shift()!.bytes;
  }

  #take(id: unknown): Pending | undefined {
    const pending = this.#pending.get(id as number);
    if (pending !== undefined) {
      this.#pending.delete(id as number);
      return pending;
    }
    if (typeof id !== "number" || !Number.isInteger(id) || id < 1 || id > this.#calls) {
      throw new Broken("a call is answered that was never made");
    }
    this.#unasked(0);
    return undefined;
  }

  #seat(handle: unknown): Seat | undefined {
    const seat = this.#seats.get(handle as number);
    if (seat !== undefined) return seat;
    // Handles are given in order; one that was given has been closed meanwhile.
    if (typeof handle !== "number" || !Number.isInteger(handle) || handle < 0) {
      throw new Broken("a session is no handle");
    }
    return undefined;
  }

  #present(handle: unknown): Seat | undefined {
    const seat = this.#seat(handle);
    return seat === undefined || seat.closing ? undefined : seat;
  }

  #unasked(bytes: number): void {
    if (!this.#allowance.take(bytes, this.#deps.now)) throw new Broken("too much is sent unasked");
  }

  #presence(seat: Seat, query: number, topic: string): void {
    const answer = (present: readonly Present[] | undefined) => {
      if (this.#over) return;
      const text = present === undefined ? "" : JSON.stringify(present);
      this.#add(text.length, ToCell.Presence, seat.handle, query, text);
    };
    new Promise<readonly Present[]>((resolve) => resolve(seat.client.presence(topic))).then(
      answer,
      () => answer(undefined),
    );
  }

  #log(handle: unknown, level: typeof LEVELS[number], message: string, text: string): void {
    let fields: Record<string, unknown> = {};
    if (text !== "") fields = parseFields(text);
    if (handle === 0) this.#deps.log[level]("handler.log", { module: this.#deps.module, message, fields });
    else this.#seat(handle)?.client.logged(level, message, fields);
  }

  #late(seat: Seat, method: string): void {
    const { log, module, timeout } = this.#deps;
    log.warn("handler.timeout", { module, method, conn: seat.client.id, user: seat.user.id, timeout_ms: timeout });
  }

  #broken(what: string): void {
    this.end("crash", `the cell broke the protocol: ${what}`);
  }
}

/** A rule of the wire was broken. */
class Broken extends Error {}

/** Operands by code, to step over an operation that could not be carried out. */
const OPERANDS: Readonly<Record<ToMain, number>> = {
  [ToMain.Result]: 2,
  [ToMain.Error]: 3,
  [ToMain.Notify]: 2,
  [ToMain.Send]: 2,
  [ToMain.Publish]: 3,
  [ToMain.Subscribe]: 2,
  [ToMain.Unsubscribe]: 2,
  [ToMain.Presence]: 3,
  [ToMain.Close]: 2,
  [ToMain.Log]: 4,
  [ToMain.Failed]: 4,
  [ToMain.Done]: 2,
  [ToMain.Crash]: 2,
};

function parseFields(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown>) };
  } catch {
    throw new Broken("log fields are no JSON");
  }
}

function string(value: unknown, most: number): string {
  if (typeof value !== "string" || value.length > most) throw new Broken("a text is missing or too long");
  return value;
}
