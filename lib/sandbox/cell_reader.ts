/**
 * Reads what a cell sends: checks types, sizes and amounts of every operation, and makes a call of it.
 *
 * Whether a call or a session of that number exists is for the receiver of the calls to know.
 */
import type { Allowance } from "./allowance.ts";
import { LEVELS, MAX_LOG, MAX_TEXT, MAX_TOPIC, ToMain } from "./wire.ts";

/** A rule of the wire was broken. */
export class Broken extends Error {}

/** What a cell says of its own work. A receiver may throw `Broken`. */
export interface CellAnswers {
  /** The cell has ended; nothing more is read. */
  over(): boolean;
  /** False when the call has been answered before. `call` is a positive integer. */
  result(call: number, text: string): boolean;
  /** As `result`; `data` is JSON text or undefined. */
  error(call: number, code: number, data: string | undefined): boolean;
  /** Operations done since the start, bytes held outside the heap: any numbers. */
  done(operations: number, external: number): void;
  crash(outOfMemory: boolean, detail: string): void;
  /** A receiver threw something else than `Broken`; the operation is passed over. */
  fault(error: unknown): void;
}

/** What a cell does to its sessions. `session` is an integer not below 0. */
export interface CellEffects {
  notify(session: number, text: string): void;
  send(session: number, data: string | Uint8Array): void;
  publish(session: number, topic: string, text: string): void;
  subscribe(session: number, topic: string): void;
  unsubscribe(session: number, topic: string): void;
  presence(session: number, query: number, topic: string): void;
  close(session: number, reason: string): void;
  log(session: number, level: typeof LEVELS[number], message: string, fields: Record<string, unknown>): void;
  failed(session: number, ref: string, method: string, error: string): void;
}

/** Operands in one batch. */
const MOST_OPERANDS = 65_536;
/** UTF-16 units of a reason to close, of a reference to an error. */
const MAX_REASON = 123;
const MAX_REF = 64;

/** Operands by code. */
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

export class CellReader {
  readonly #answers: CellAnswers;
  readonly #effects: CellEffects;
  readonly #allowance: Allowance;
  readonly #now: () => number;

  constructor(answers: CellAnswers, effects: CellEffects, allowance: Allowance, now: () => number) {
    this.#answers = answers;
    this.#effects = effects;
    this.#allowance = allowance;
    this.#now = now;
  }

  /** Carries out one message from the worker. Throws `Broken`; what came before the fault has been done. */
  read(data: unknown): void {
    if (!Array.isArray(data) || data.length > MOST_OPERANDS) {
      throw new Broken("a batch is not an array of allowed length");
    }
    const batch: readonly unknown[] = data;
    let at = 0;
    while (at < batch.length && !this.#answers.over()) {
      const code = batch[at] as ToMain;
      try {
        this.#operation(code, batch, at + 1);
      } catch (error) {
        if (error instanceof Broken) throw error;
        // A fault of the session's own code must not cost the other sessions of the cell their answers.
        this.#answers.fault(error);
      }
      at += 1 + OPERANDS[code];
    }
  }

  #operation(code: unknown, batch: readonly unknown[], at: number): void {
    switch (code) {
      case ToMain.Result: {
        const text = string(batch[at + 1], MAX_TEXT);
        if (!this.#answers.result(call(batch[at]), text)) this.#unasked(0);
        return;
      }
      case ToMain.Error: {
        const data = string(batch[at + 2], MAX_TEXT);
        const number = batch[at + 1];
        if (number !== -32601 && number !== -32602 && number !== -32603) {
          throw new Broken("an error code is not one of a cell's");
        }
        if (!this.#answers.error(call(batch[at]), number, data === "" ? undefined : data)) this.#unasked(0);
        return;
      }
      case ToMain.Done: {
        const done = batch[at];
        const external = batch[at + 1];
        if (typeof done !== "number" || typeof external !== "number") throw new Broken("an amount is no number");
        return this.#answers.done(done, external);
      }
      case ToMain.Notify: {
        const text = string(batch[at + 1], MAX_TEXT);
        this.#unasked(text.length);
        return this.#effects.notify(session(batch[at]), text);
      }
      case ToMain.Publish: {
        const topic = string(batch[at + 1], MAX_TOPIC);
        const text = string(batch[at + 2], MAX_TEXT);
        this.#unasked(text.length);
        return this.#effects.publish(session(batch[at]), topic, text);
      }
      case ToMain.Send: {
        const data = batch[at + 1];
        if (typeof data !== "string" && !(data instanceof Uint8Array) || data.length > MAX_TEXT) {
          throw new Broken("a frame is neither text nor bytes of allowed length");
        }
        this.#unasked(data.length);
        return this.#effects.send(session(batch[at]), data);
      }
      case ToMain.Subscribe:
      case ToMain.Unsubscribe: {
        const topic = string(batch[at + 1], MAX_TOPIC);
        this.#unasked(topic.length);
        if (code === ToMain.Subscribe) return this.#effects.subscribe(session(batch[at]), topic);
        return this.#effects.unsubscribe(session(batch[at]), topic);
      }
      case ToMain.Presence: {
        const query = batch[at + 1];
        const topic = string(batch[at + 2], MAX_TOPIC);
        if (typeof query !== "number") throw new Broken("a query is no number");
        this.#unasked(topic.length);
        return this.#effects.presence(session(batch[at]), query, topic);
      }
      case ToMain.Close: {
        const reason = string(batch[at + 1], MAX_REASON);
        this.#unasked(0);
        return this.#effects.close(session(batch[at]), reason);
      }
      case ToMain.Log: {
        const level = LEVELS[batch[at + 1] as number];
        const message = string(batch[at + 2], MAX_LOG);
        const fields = string(batch[at + 3], MAX_LOG);
        if (level === undefined) throw new Broken("a log level does not exist");
        this.#unasked(message.length + fields.length);
        return this.#effects.log(session(batch[at]), level, message, parseFields(fields));
      }
      case ToMain.Failed: {
        const ref = string(batch[at + 1], MAX_REF);
        const method = string(batch[at + 2], MAX_TOPIC);
        const error = string(batch[at + 3], MAX_LOG);
        this.#unasked(error.length);
        return this.#effects.failed(session(batch[at]), ref, method, error);
      }
      case ToMain.Crash:
        return this.#answers.crash(batch[at] === 1, string(batch[at + 1], MAX_LOG));
    }
    throw new Broken("an operation does not exist");
  }

  #unasked(bytes: number): void {
    if (!this.#allowance.take(bytes, this.#now)) throw new Broken("too much is sent unasked");
  }
}

function string(value: unknown, most: number): string {
  if (typeof value !== "string" || value.length > most) throw new Broken("a text is missing or too long");
  return value;
}

function call(id: unknown): number {
  if (typeof id !== "number" || !Number.isInteger(id) || id < 1) throw new Broken("a call is no number of one");
  return id;
}

function session(handle: unknown): number {
  if (typeof handle !== "number" || !Number.isInteger(handle) || handle < 0) throw new Broken("a session is no handle");
  return handle;
}

function parseFields(text: string): Record<string, unknown> {
  if (text === "") return {};
  try {
    return { ...(JSON.parse(text) as Record<string, unknown>) };
  } catch {
    throw new Broken("log fields are no JSON");
  }
}
