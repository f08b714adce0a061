/** The implementation of `ctx`: thin objects over the outbox, one for each message. */
import type { Present } from "../author/context.ts";
import { MAX_NAME_BYTES, MAX_REASON_BYTES, ToHost } from "../wire/operations.ts";
import { type CellSession, ClientLeft, type Query } from "./cell_session.ts";
import type { DeclaredErrors, DeclaredFailure } from "./declared_errors.ts";
import { JudgeContext } from "./judge_context.ts";
import type { ModuleTopics } from "./module_topics.ts";
import { notificationText } from "./notification.ts";
import type { Outbox } from "./outbox.ts";
import { checkLength, tooLong, utf8Length } from "./utf8.ts";

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

/** Services that all contexts of a module share. */
export interface ContextServices {
  readonly out: Outbox;
  readonly topics: ModuleTopics;
  readonly nextQuery: () => number;
  /** Whether the module takes raw frames, so that `send` exists. */
  readonly raw: boolean;
}

/** Implements `MethodContext` and `RawContext` of `author/context.ts`. */
export class HandlerContext extends JudgeContext {
  readonly #session: CellSession;
  readonly #services: ContextServices;
  readonly #out: Outbox;
  readonly #errors: DeclaredErrors;

  /** `errors` are those that the method declares. */
  constructor(session: CellSession, services: ContextServices, errors: DeclaredErrors) {
    super(session, services.out);
    this.#session = session;
    this.#services = services;
    this.#out = services.out;
    this.#errors = errors;
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

  subscribe(topic: string): Promise<void> {
    this.#checkTopic(topic);
    const asked = this.#ask<void>(ToHost.Subscribe, topic, (subscribed, reject) => ({ topic, subscribed, reject }));
    // A handler that does not wait for the answer has nothing to catch.
    asked.catch(() => {});
    return asked;
  }

  unsubscribe(topic: string): void {
    this.#checkTopic(topic);
    if (!this.#session.left) this.#out.unasked(ToHost.Unsubscribe, this.#session.handle, 0, 0, topic);
  }

  presence(topic: string): Promise<Present[]> {
    this.#checkTopic(topic);
    return this.#ask(ToHost.Presence, topic, (present, reject) => ({ present, reject }));
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

  fail(name: string, data?: unknown): DeclaredFailure {
    return this.#errors.make(name, data, this.#out.maxBytes);
  }

  /** Asks the front. Throws a `RangeError` beyond the allowance. */
  #ask<T>(
    code: ToHost.Subscribe | ToHost.Presence,
    topic: string,
    query: (resolve: (answer: T) => void, reject: (error: Error) => void) => Query,
  ): Promise<T> {
    const session = this.#session;
    if (session.left) return Promise.reject(new ClientLeft());
    const id = this.#services.nextQuery();
    this.#out.unasked(code, session.handle, id, 0, topic);
    return new Promise((resolve, reject) => session.asks(id, query(resolve, reject)));
  }

  #checkTopic(topic: unknown): void {
    checkTopic(topic);
    this.#services.topics.check(topic);
  }
}
