/** The cell's side of the wire: gathers operations and posts them as one array. */
import { Allowance } from "./allowance.ts";
import { LEVELS, MAX_LOG, ToMain } from "./wire.ts";

/** Where the cell's runtime puts what it has to say; in tests of a module, a recorder. */
export interface Port {
  post(batch: unknown[]): void;
  /** Calls `flush` once, after the running code. */
  schedule(flush: () => void): void;
  now(): number;
}

/** More operations than that are posted at once, without waiting for the end of the turn. */
const MOST_OPERANDS = 16_384;

export class Outbox {
  readonly #port: Port;
  readonly #allowance: Allowance;
  #batch: unknown[] = [];
  #scheduled = false;
  /** True while a batch from the main isolate is worked on: its end flushes. */
  working = false;
  /** Bytes held outside the JavaScript heap, as last measured. */
  external = 0;
  #done = 0;
  #reported = 0;

  constructor(port: Port) {
    this.#port = port;
    this.#allowance = new Allowance(1, port.now());
  }

  /** `count` operations arrived. */
  received(count: number): void {
    this.#allowance.earn(count);
  }

  /** One more operation has been started and its synchronous part is over. */
  done(): void {
    this.#done++;
  }

  result(call: number, json: string): void {
    this.#batch.push(ToMain.Result, call, json);
    this.#added();
  }

  error(call: number, code: number, data: string): void {
    this.#batch.push(ToMain.Error, call, code, data);
    this.#added();
  }

  /** Anything a handler does on its own. Throws a `RangeError` beyond the allowance. */
  unasked(bytes: number, code: ToMain, session: number, first: unknown, second?: unknown): void {
    if (!this.#allowance.take(bytes, this.#port.now)) throw new RangeError("Too much is being sent by this module");
    if (second === undefined) this.#batch.push(code, session, first);
    else this.#batch.push(code, session, first, second);
    this.#added();
  }

  /** As `unasked`, but silently dropped beyond the allowance. */
  log(session: number, level: typeof LEVELS[number], message: string, fields: string): void {
    if (!this.#allowance.take(message.length + fields.length, this.#port.now)) return;
    this.#batch.push(
      ToMain.Log,
      session,
      LEVELS.indexOf(level),
      message.slice(0, MAX_LOG),
      fields.length > MAX_LOG ? "" : fields,
    );
    this.#added();
  }

  /** Code of the module threw; bounded by what it was asked. */
  failed(session: number, ref: string, what: string, error: string): void {
    this.#batch.push(ToMain.Failed, session, ref, what, error);
    this.#added();
  }

  /** Posts everything and how far the work has come. */
  flush = (): void => {
    this.#scheduled = false;
    if (this.#done !== this.#reported) {
      this.#reported = this.#done;
      this.#batch.push(ToMain.Done, this.#done, this.external);
    }
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#port.post(batch);
  };

  /** Posts once the promises that have settled were looked after. */
  flushLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#port.schedule(this.flush);
  }

  #added(): void {
    if (this.#batch.length > MOST_OPERANDS) this.flush();
    else if (!this.working) this.flushLater();
  }
}
