/** `ctx`, as handlers get it: thin objects over the outbox, one for each message. */
import type { Connection, Fields, Present, User } from "../author/context.ts";
import { MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_REASON_BYTES, ToHost } from "../wire/operations.ts";
import type { DeclaredErrors, Failure } from "./declared_errors.ts";
import { jsonText } from "./json.ts";
import type { ModuleTopics } from "./module_topics.ts";
import { notificationText } from "./notification.ts";
import type { Outbox } from "./outbox.ts";
import { checkLength, tooLong, utf8Length } from "./utf8.ts";

/** Rejects what a handler waits for when its client leaves. It is nobody's failure and is not logged as one. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
  constructor() {
    super("The client left");
  }
}

/** A session as its cell knows it. */
export class CellSession {
  user: User;
  readonly connection: Connection;
  readonly state: Record<string, unknown> = {};
  /** Set once the client has left: only `publish` and `log` still do something. */
  left = false;
  /** True until an asynchronous `open` has settled; what arrives meanwhile waits in `waiting`. */
  opening = false;
  waiting: (() => void)[] = [];
  /** Contexts whose signal was read. */
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

/** A copy of a real `Uint8Array`, whatever properties the module gave it; null for anything else. */
function copyBytes(data: unknown, most: number): Uint8Array | null {
  if (apply(kindOf, data, []) !== "Uint8Array") return null;
  const length = apply(lengthOf, data, []) as number;
  if (length > most) throw tooLong("A message", most);
  const own = new Bytes(length);
  own.set(data as Uint8Array);
  return own;
}

/** Throws a `TypeError` when it can't be a topic. */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== "string" || topic === "" || utf8Length(topic) > MAX_NAME_BYTES) {
    throw new TypeError(`A topic is a string of 1 to ${MAX_NAME_BYTES} bytes`);
  }
}

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

/** What all contexts of a module share. */
export interface ContextServices {
  readonly out: Outbox;
  readonly topics: ModuleTopics;
  readonly nextQuery: () => number;
  /** The module takes raw frames, so `send` is there. */
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

  /** The message is done: nobody will look at the signal any more. */
  settle(): void {
    if (this.#controller !== undefined) this.#session.signals.delete(this);
  }

  #checkTopic(topic: unknown): void {
    checkTopic(topic);
    this.#services.topics.check(topic);
  }
}
