/** The context of `allow`. */
import type { Connection, Fields, User } from "../author/context.ts";
import { MAX_LOG_BYTES } from "../wire/operations.ts";
import type { CellSession } from "./cell_session.ts";
import { jsonText } from "./json.ts";
import type { Outbox } from "./outbox.ts";
import { utf8Length } from "./utf8.ts";

/** JSON text of log fields, or "" for none and for what JSON can't carry. */
export function fieldsText(fields: unknown): string {
  if (fields === undefined || fields === null || typeof fields !== "object") return "";
  try {
    const text = jsonText(fields);
    return text === undefined || text[0] !== "{" || utf8Length(text) > MAX_LOG_BYTES ? "" : text;
  } catch {
    return "";
  }
}

/** Implements `AllowContext` of `author/context.ts`: what code of a module sees that only decides. */
export class JudgeContext {
  readonly #session: CellSession;
  readonly #out: Outbox;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(session: CellSession, out: Outbox) {
    this.#session = session;
    this.#out = out;
  }

  get user(): User {
    return this.#session.user;
  }

  get connection(): Connection {
    return this.#session.connection;
  }

  get state(): Record<string, unknown> {
    return this.#session.state;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted || this.#session.left) this.#controller.abort();
      else this.#session.signals.add(this);
    }
    return this.#controller.signal;
  }

  log(message: string, fields?: Fields): void {
    this.#out.log(this.#session.handle, "info", String(message), fieldsText(fields));
  }

  /** Time is up or the client left. */
  abort(): void {
    this.#aborted = true;
    this.#session.signals.delete(this);
    this.#controller?.abort();
  }

  /** Whether `error` is the reason of this context's aborted signal, which handlers that heed it throw. */
  abortedBy(error: unknown): boolean {
    return this.#controller?.signal.aborted === true && this.#controller.signal.reason === error;
  }

  /** The message is done; the signal is no longer used. */
  settle(): void {
    if (this.#controller !== undefined) this.#session.signals.delete(this);
  }
}
