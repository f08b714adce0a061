/**
 * Collects outgoing operations of a cell, and limits unsolicited ones.
 *
 * Way of a message: results come in and leave as operations at the end of the chunk. Refuses what a handler sends
 * beyond its allowance.
 */
import { Allowance } from "../wire/allowance.ts";
import { type Level, LEVELS, MAX_INFO_BYTES, MAX_LOG_BYTES, MIN_OUTPUT_BYTES, ToHost } from "../wire/operations.ts";
import type { OperationWriter, Text } from "../wire/operation_stream.ts";
import { jsonText } from "./json.ts";
import { utf8Length } from "./utf8.ts";

/** The destination of operations; in the test kit, a recorder. */
export interface OutboxDeps {
  readonly stream: {
    readonly out: OperationWriter;
    /** Number of unsent bytes. */
    readonly pending: number;
    flush(): void;
  };
  /** Calls `flush` once, after the running code. */
  readonly schedule: (flush: () => void) => void;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** More bytes are sent at once, without waiting for the end of the turn. */
const FLUSH_FROM_BYTES = 64 * 1024;
/** Maximum number of unsent bytes; a module that sends more gets an error. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

export class Outbox {
  /** Maximum size of a text that a module may send, in bytes. */
  maxBytes = MIN_OUTPUT_BYTES;
  /** True while operations of the host are processed; their end flushes. */
  working = false;
  readonly #deps: OutboxDeps;
  readonly #writer: OperationWriter;
  readonly #allowance: Allowance;
  #scheduled = false;
  #done = 0;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.#writer = deps.stream.out;
    this.#allowance = new Allowance(1, deps.now());
  }

  /** A client message arrived. */
  earn(): void {
    this.#allowance.earn(1);
  }

  /** An operation of the host has been started, and its synchronous part is over. */
  done(): void {
    this.#done++;
  }

  /**
   * Reports the contract of the module.
   *
   * @throws {RangeError} if it is too long
   */
  loaded(contract: unknown): void {
    const text = jsonText(contract)!;
    if (utf8Length(text) > MAX_INFO_BYTES) throw new RangeError(`The contract is longer than ${MAX_INFO_BYTES} bytes`);
    this.#writer.write(ToHost.Loaded, 0, 0, 0, text);
    this.flush();
  }

  notLoaded(reason: string): void {
    this.#writer.write(ToHost.NotLoaded, 0, 0, 0, cut(reason));
    this.flush();
  }

  crash(reason: string): void {
    this.#writer.write(ToHost.Crash, 0, 0, 0, cut(reason));
    this.flush();
  }

  result(call: number, json: Text): void {
    this.#writer.write(ToHost.Result, 0, call, 0, json);
    this.#added();
  }

  /** `code` is a JSON-RPC error code, `data` JSON text or empty. */
  error(call: number, code: number, data: string): void {
    this.#writer.write(ToHost.Error, 0, call, -code, data);
    this.#added();
  }

  /** `index` is the error's index in the method's declaration, `data` JSON text or empty. */
  declaredError(call: number, index: number, data: string): void {
    this.#writer.write(ToHost.DeclaredError, 0, call, index, data);
    this.#added();
  }

  /**
   * Sends an unsolicited operation of a handler.
   *
   * @throws {RangeError} if it exceeds the allowance
   */
  unasked(code: ToHost, session: number, id: number, extra: number, first: Text, second: Text = ""): void {
    const bytes = bytesOf(first) + bytesOf(second);
    if (this.#deps.stream.pending > MAX_PENDING_BYTES || !this.#allowance.take(bytes, this.#deps.now)) {
      throw new RangeError("This module sends too much");
    }
    this.#writer.write(code, session, id, extra, first, second);
    this.#added();
  }

  /** Sends a log line. Above the allowance it is dropped without an error. */
  log(session: number, level: Level, message: string, fields: string): void {
    if (this.#deps.stream.pending > MAX_PENDING_BYTES) return;
    const text = cut(message);
    const kept = utf8Length(fields) > MAX_LOG_BYTES ? "" : fields;
    if (!this.#allowance.take(utf8Length(text) + utf8Length(kept), this.#deps.now)) return;
    this.#writer.write(ToHost.Log, session, 0, LEVELS.indexOf(level), text, kept);
    this.#added();
  }

  /** Reports an exception in code of the module that was called for a session. */
  failed(session: number, ref: string, what: string, error: string): void {
    this.#writer.write(ToHost.Failed, session, 0, 0, `${ref} ${what}`, cut(error));
    this.#added();
  }

  /**
   * Reports an error of the module outside of calls.
   *
   * @throws {RangeError} if it exceeds the allowance
   */
  failedUnasked(ref: string, what: string, error: string): void {
    this.unasked(ToHost.Failed, 0, 0, 0, `${ref} ${what}`, cut(error));
  }

  /** Sends all operations, and the number of started host operations. */
  flush = (): void => {
    this.#scheduled = false;
    if (this.#done > 0) this.#writer.write(ToHost.Done, 0, this.#done, 0);
    this.#done = 0;
    this.#deps.stream.flush();
  };

  /** Sends after settled promises have been processed. */
  flushLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#deps.schedule(this.flush);
  }

  #added(): void {
    if (this.#writer.size > FLUSH_FROM_BYTES) this.flush();
    else if (!this.working) this.flushLater();
  }
}

function bytesOf(text: Text): number {
  return typeof text === "string" ? utf8Length(text) : text.length;
}

/** The text, cut to the size of a log message in UTF-8. */
function cut(text: string): string {
  const short = text.slice(0, MAX_LOG_BYTES);
  if (utf8Length(short) <= MAX_LOG_BYTES) return short;
  return short.slice(0, Math.floor(MAX_LOG_BYTES / 3));
}
