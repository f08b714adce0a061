/** `ctx`, as handlers get it: thin objects over the outbox, one for each message. */
import type { Connection, Fields, Present, User } from "./handlers.ts";
import type { Outbox } from "./outbox.ts";
import { MAX_LOG, MAX_TEXT, MAX_TOPIC, ToMain } from "./wire.ts";

/** A session as its cell knows it. */
export class CellSession {
  user: User;
  readonly connection: Connection;
  readonly state: Record<string, unknown> = {};
  /** Set once the client has left: only `publish` and `log` still do something. */
  left = false;
  /** Settles when an asynchronous `open` has; what arrives meanwhile waits in `waiting`. */
  opening = false;
  waiting: (() => void)[] = [];
  /** Contexts whose signal somebody has looked at. */
  readonly signals = new Set<HandlerContext>();
  readonly queries = new Map<number, { resolve(present: Present[]): void; reject(error: Error): void }>();

  constructor(readonly handle: number, user: User, connection: Connection) {
    this.user = user;
    this.connection = connection;
  }

  /** The client left. */
  leave(): void {
    this.left = true;
    for (const context of [...this.signals]) context.abort();
    for (const query of this.queries.values()) query.reject(new Error("The client left"));
    this.queries.clear();
  }
}

/** JSON text of a notification. Throws a `TypeError` when it is not one, a `RangeError` when it is too long. */
export function notificationText(method: unknown, params: unknown): string {
  if (typeof method !== "string" || method === "" || method.length > MAX_TOPIC) {
    throw new TypeError("A notification needs a method name of 1 to 512 characters");
  }
  if (params !== undefined && (params === null || typeof params !== "object")) {
    throw new TypeError("The parameters of a notification are an object or an array");
  }
  const text = params === undefined
    ? `{"jsonrpc":"2.0","method":${JSON.stringify(method)}}`
    : `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`;
  if (text.length > MAX_TEXT) throw new RangeError("A notification is at most 1 MiB long");
  return text;
}

function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== "string" || topic === "" || topic.length > MAX_TOPIC) {
    throw new TypeError("A topic is a string of 1 to 512 characters");
  }
}

/** JSON text of log fields, or "" for none and for what JSON can't carry. */
export function fieldsText(fields: unknown): string {
  if (fields === undefined || fields === null || typeof fields !== "object") return "";
  try {
    const text = JSON.stringify(fields);
    return text.length > MAX_LOG ? "" : text;
  } catch {
    return "";
  }
}

/** Implements `Context` and `RawContext` of `handlers.ts`. */
export class HandlerContext {
  readonly #session: CellSession;
  readonly #out: Outbox;
  readonly #nextQuery: () => number;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(session: CellSession, out: Outbox, nextQuery: () => number) {
    this.#session = session;
    this.#out = out;
    this.#nextQuery = nextQuery;
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

  notify(method: string, params?: unknown): void {
    const text = notificationText(method, params);
    if (!this.#session.left) this.#out.unasked(text.length, ToMain.Notify, this.#session.handle, text);
  }

  publish(topic: string, method: string, params?: unknown): void {
    checkTopic(topic);
    const text = notificationText(method, params);
    this.#out.unasked(text.length, ToMain.Publish, this.#session.handle, topic, text);
  }

  subscribe(topic: string): void {
    checkTopic(topic);
    if (!this.#session.left) this.#out.unasked(topic.length, ToMain.Subscribe, this.#session.handle, topic);
  }

  unsubscribe(topic: string): void {
    checkTopic(topic);
    if (!this.#session.left) this.#out.unasked(topic.length, ToMain.Unsubscribe, this.#session.handle, topic);
  }

  presence(topic: string): Promise<Present[]> {
    checkTopic(topic);
    const session = this.#session;
    if (session.left) return Promise.reject(new Error("The client left"));
    const query = this.#nextQuery();
    this.#out.unasked(topic.length, ToMain.Presence, session.handle, query, topic);
    return new Promise((resolve, reject) => session.queries.set(query, { resolve, reject }));
  }

  send(data: string | Uint8Array): void {
    if (typeof data !== "string" && !(data instanceof Uint8Array)) {
      throw new TypeError("Only a string or a Uint8Array can be sent");
    }
    if (data.length > MAX_TEXT) throw new RangeError("A message is at most 1 MiB long");
    if (this.#session.left) return;
    // A view would drag its whole buffer along.
    const own = typeof data === "string" || data.byteLength === data.buffer.byteLength ? data : data.slice();
    this.#out.unasked(own.length, ToMain.Send, this.#session.handle, own);
  }

  close(reason: string): void {
    if (typeof reason !== "string") throw new TypeError("A reason is a string");
    if (!this.#session.left) this.#out.unasked(reason.length, ToMain.Close, this.#session.handle, reason.slice(0, 123));
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

  /** The message is done: nobody will look at the signal any more. */
  settle(): void {
    if (this.#controller !== undefined) this.#session.signals.delete(this);
  }
}
