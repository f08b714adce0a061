/** The implementation of `ctx`: thin objects over the outbox, one for each message. */
import type { Connection, Fields, Present, User } from "../author/context.ts";
import { MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_REASON_BYTES, ToHost } from "../wire/operations.ts";
import type { DeclaredErrors, Failure } from "./declared_errors.ts";
import { jsonText } from "./json.ts";
import type { ModuleTopics } from "./module_topics.ts";
import { notificationText } from "./notification.ts";
import type { Outbox } from "./outbox.ts";
import { checkLength, tooLong, utf8Length } from "./utf8.ts";

/** Rejects pending promises of a handler whose client has disconnected. It is not logged as a failure. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
  constructor() {
    super("The client left");
  }
}

/** A session in its cell. */
export class CellSession {
  user: User;
  readonly connection: Connection;
  readonly state: Record<string, unknown> = {};
  /** True once the client has disconnected: only `publish` and `log` then have an effect. */
  left = false;
  /** True until an asynchronous `open` has settled; operations until then are in `waiting`. */
  opening = false;
  waiting: (() => void)[] = [];
  /** Contexts whose signal has been read. */
  readonly signals = new Set<HandlerContext>();
  readonly queries = new Map<number, { resolve(present: Present[]): void; reject(error: Error): void }>();

  constructor(readonly handle: number, user: User, connection: Connection) {
    this.user = user;
    this.connection = connection;
  }

  /** The client has disconnected. */
  leave(): void {
    this.left = true;
    for (const context of [...this.signals]) context.abort();
    for (const query of this.queries.values()) query.reject(new ClientLeft());
    this.queries.clear();
  }
}

const typedArray = Reflect.getPrototypeOf(Uint8Array.prototype)!;
const getter = (name: PropertyKey) => Reflect.getOwnPropertyDescriptor(typedArray, name)!.get!;
const kindOf = getter(Symbol.toStringTag);
const lengthOf = getter("length");
const { apply } = Reflect;
const Bytes = Uint8Array;

/** Copies a genuine `Uint8Array`, whatever properties the module added; null for any other value. */
function copyBytes(data: unknown, most: number): Uint8Array | null {
  if (apply(kindOf, data, []) !== "Uint8Array") return null;
  const length = apply(lengthOf, data, []) as number;
  if (length > most) throw tooLong("A message", most);
  const own = new Bytes(length);
  own.set(data as Uint8Array);
  return own;
}

/**
 * Checks that a value can be a topic.
 *
 * @throws {TypeError} if it can't
 */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== "string" || topic === "" || utf8Length(topic) > MAX_NAME_BYTES) {
    throw new TypeError(`A topic is a string of 1 to ${MAX_NAME_BYTES} bytes`);
  }
}

/** JSON text of log fields, or "" for none and for values that JSON can't represent. */
export function fieldsText(fields: unknown): string {
  if (fields === undefined || fields === null || typeof fields !== "object") return "";
  try {
    const text = jsonText(fields);
    return text === undefined || text[0] !== "{" || utf8Length(text) > MAX_LOG_BYTES ? "" : text;
  } catch {
    return "";
  }
}

/** Services shared by all contexts of a module. */
export interface ContextServices {
  readonly out: Outbox;
  readonly topics: ModuleTopics;
  readonly nextQuery: () => number;
  /** Whether the module takes raw frames, so that `send` exists. */
  readonly raw: boolean;
}

/** Implements `MethodContext` and `RawContext` of `author/context.ts`. */
export class HandlerContext {
  readonly #session: CellSession;
  readonly #services: ContextServices;
  readonly #out: Outbox;
  readonly #errors: DeclaredErrors;
  #controller: AbortController | undefined;
  #aborted = false;

  /** `errors` are those that the method declares. */
  constructor(session: CellSession, services: ContextServices, errors: DeclaredErrors) {
    this.#session = session;
    this.#services = services;
    this.#out = services.out;
    this.#errors = errors;
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
    const text = notificationText(method, params, this.#out.maxBytes);
    if (!this.#session.left) this.#out.unasked(ToHost.Notify, this.#session.handle, 0, 0, text);
  }

  publish(topic: string, event: string, data?: unknown): void {
    checkTopic(topic);
    const text = this.#services.topics.eventText(topic, event, data, this.#out.maxBytes);
    this.#out.unasked(ToHost.Publish, this.#session.left ? 0 : this.#session.handle, 0, 0, topic, text);
  }

  subscribe(topic: string): void {
    this.#checkTopic(topic);
    if (!this.#session.left) this.#out.unasked(ToHost.Subscribe, this.#session.handle, 0, 0, topic);
  }

  unsubscribe(topic: string): void {
    this.#checkTopic(topic);
    if (!this.#session.left) this.#out.unasked(ToHost.Unsubscribe, this.#session.handle, 0, 0, topic);
  }

  presence(topic: string): Promise<Present[]> {
    this.#checkTopic(topic);
    const session = this.#session;
    if (session.left) return Promise.reject(new ClientLeft());
    const query = this.#services.nextQuery();
    this.#out.unasked(ToHost.Presence, session.handle, query, 0, topic);
    return new Promise((resolve, reject) => session.queries.set(query, { resolve, reject }));
  }

  send(data: string | Uint8Array): void {
    if (!this.#services.raw) throw new TypeError("Only a module that takes raw frames sends them");
    const text = typeof data === "string";
    const own = text ? data : copyBytes(data, this.#out.maxBytes);
    if (own === null) throw new TypeError("Only a string or a Uint8Array can be sent");
    if (text) checkLength("A message", data, this.#out.maxBytes);
    if (!this.#session.left) this.#out.unasked(ToHost.Send, this.#session.handle, 0, text ? 1 : 0, own);
  }

  close(reason: string): void {
    if (typeof reason !== "string") throw new TypeError("A reason is a string");
    if (this.#session.left) return;
    let short = reason.slice(0, MAX_REASON_BYTES);
    while (utf8Length(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
    this.#out.unasked(ToHost.Close, this.#session.handle, 0, 0, short);
  }

  log(message: string, fields?: Fields): void {
    this.#out.log(this.#session.handle, "info", String(message), fieldsText(fields));
  }

  fail(name: string, data?: unknown): Failure {
    return this.#errors.make(name, data, this.#out.maxBytes);
  }

  /** The time is up, or the client has disconnected. */
  abort(): void {
    this.#aborted = true;
    this.#session.signals.delete(this);
    this.#controller?.abort();
  }

  /** Whether `error` is the reason of this context's aborted signal, which handlers may rethrow. */
  abortedBy(error: unknown): boolean {
    return this.#controller?.signal.aborted === true && this.#controller.signal.reason === error;
  }

  /** The message is done; the signal is no longer used. */
  settle(): void {
    if (this.#controller !== undefined) this.#session.signals.delete(this);
  }

  #checkTopic(topic: unknown): void {
    checkTopic(topic);
    this.#services.topics.check(topic);
  }
}
