/**
 * Runs a handler module in a test without a server or a cell: the same validation and contexts, with all effects
 * recorded.
 */
import { ErrorCode } from "../../rpc/errors.ts";
import { KitEffects, makeKit } from "../cell/kit.ts";
import { Outbox } from "../cell/outbox.ts";
import { describeHandlers, makeHandlers } from "../cell/module_shape.ts";
import { Runtime } from "../cell/runtime.ts";
import { type Operation, OperationReader } from "../wire/operation_reader.ts";
import { OperationWriter, type Text } from "../wire/operation_stream.ts";
import { LEVELS, MIN_OUTPUT_BYTES, type SessionInfo, TO_CELL, TO_HOST, ToCell, ToHost } from "../wire/operations.ts";
import { CallError } from "../author/call_error.ts";
import { mayCall, type MethodContract } from "../author/contract.ts";
import { checkContract } from "../author/contract_check.ts";
import type { Handlers } from "../author/handlers.ts";
import { type Notification, parts, publication, type TestEvent } from "./test_events.ts";
import { type TestConnection, TestTopics, type TopicCell, type TopicParams } from "./test_topics.ts";
import type { Vocabulary } from "../author/vocabulary.ts";

export type { TestEvent } from "./test_events.ts";

/** The caller. All fields are optional. */
export interface TestUser {
  /** User id. Default "tester". */
  user?: string;
  /** Roles. Default none. */
  roles?: string[];
  /** Claims of the token. Default `{ sub }`. */
  claims?: Record<string, unknown>;
  /** Id of the connection. Calls with the same id share its state. Default "1". */
  connection?: string;
}

/** A module under test. Roles are checked as in the server. */
export interface TestHandlers {
  /**
   * Calls a method and resolves to its result.
   *
   * @throws {CallError} with code -32601, -32602 (`data.issues`), -32003, -32603, or a declared code
   */
  call(method: string, params?: unknown, user?: TestUser): Promise<unknown>;
  /** Opens a connection. `call` opens a missing one itself. */
  open(user?: TestUser, info?: { resumed: boolean }): Promise<void>;
  /**
   * Sends a raw frame. Resolves when the handler is done.
   *
   * @throws {CallError} with code -32602 or -32603
   */
  message(data: string | Uint8Array, user?: TestUser): Promise<void>;
  /** Closes the connection with a close code (default 1000) and runs the `close` hook. */
  close(code?: number, user?: TestUser): Promise<void>;
  /** All effects of handlers so far, in order. */
  readonly events: TestEvent[];
  /** The answers of `ctx.presence`: users by topic. Default: the subscribers of the topic. */
  presence: Map<string, { user: string; connections: number }[]>;
}

/**
 * Makes a module callable in a test.
 *
 * ```ts
 * const chat = testHandlers(module);
 * await chat.call("chat.send", { room: "a", text: "hi" }, { user: "ann", roles: ["user"] });
 * assertEquals(chat.events[0]?.type, "publish");
 * ```
 */
export function testHandlers<V extends Vocabulary>(module: Handlers<V>): TestHandlers {
  const recorder = new Recorder();
  const ready = recorder.start(module);
  ready.catch(() => {});
  return {
    events: recorder.events,
    presence: recorder.presence,
    async call(method, params, user) {
      await ready;
      return await recorder.call(method, params, user ?? {});
    },
    async open(user, info) {
      await ready;
      await recorder.open(user ?? {}, info?.resumed ?? false);
    },
    async message(data, user) {
      await ready;
      await recorder.message(data, user ?? {});
    },
    async close(code, user) {
      await ready;
      await recorder.close(code ?? 1000, user ?? {});
    },
  };
}

interface Waiting {
  /** Contract of the called method; undefined for other operations. */
  readonly method: MethodContract | undefined;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

class Recorder {
  readonly events: TestEvent[] = [];
  readonly presence = new Map<string, { user: string; connections: number }[]>();
  readonly #connections: TestConnection[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #toCell = new OperationWriter();
  readonly #fromCell = new OperationReader({ table: TO_HOST, output: MIN_OUTPUT_BYTES });
  readonly #cellReader = new OperationReader({ table: TO_CELL, output: 0 });
  #runtime!: Runtime;
  #methods: ReadonlyMap<string, MethodContract> = new Map();
  #topics!: TestTopics;
  #calls = 0;

  async start<V extends Vocabulary>(module: Handlers<V>): Promise<void> {
    const now = () => performance.now();
    const random = () => crypto.randomUUID();
    const out = new OperationWriter();
    const flush = () => {
      if (out.size === 0) return;
      this.#fromCell.push(out.take());
      for (let did = this.#fromCell.next(); did !== null; did = this.#fromCell.next()) this.#did(did);
    };
    const outbox = new Outbox({ stream: { out, pending: 0, flush }, schedule: (run) => queueMicrotask(run), now });
    const effects = new KitEffects(outbox, random);
    const handlers = await makeHandlers(module, makeKit(effects));
    const checked = checkContract(describeHandlers(handlers));
    if ("problems" in checked) throw new TypeError(checked.problems.join("; "));
    this.#methods = checked.contract.methods;
    this.#topics = new TestTopics(checked.contract, this.#topicCell());
    this.#runtime = new Runtime(handlers, { out: outbox, now, random });
    effects.topics = this.#runtime.topics;
  }

  async call(method: string, params: unknown, user: TestUser): Promise<unknown> {
    if (method.startsWith("topic.")) {
      const session = await this.#session(user);
      const done = this.#topics.call(method, session, this.#connections[session - 1]!, params as TopicParams);
      if (done !== undefined) return await done;
    }
    const found = this.#methods.get(method);
    if (found === undefined) throw new CallError(ErrorCode.METHOD_NOT_FOUND, undefined);
    if (!mayCall(found, user.roles ?? [])) throw new CallError(ErrorCode.FORBIDDEN, undefined);
    const session = await this.#session(user);
    const index = [...this.#methods.keys()].indexOf(method);
    const text = JSON.stringify(params === undefined ? {} : { params });
    return await this.#ask(ToCell.Call, session, index, text, found);
  }

  async open(user: TestUser, resumed: boolean): Promise<void> {
    await this.#begin(user, resumed);
  }

  async message(data: string | Uint8Array, user: TestUser): Promise<void> {
    const session = await this.#session(user);
    await this.#ask(ToCell.Message, session, typeof data === "string" ? 1 : 0, data);
  }

  async close(code: number, user: TestUser): Promise<void> {
    const session = await this.#session(user);
    await this.#ask(ToCell.Close, session, code, "").catch(() => {});
    this.#connections[session - 1]!.id = "";
  }

  #ask(code: ToCell, session: number, extra: number, text: Text, method?: MethodContract): Promise<unknown> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { method, resolve, reject });
      this.#give(code, session, call, extra, text);
    });
  }

  #give(code: ToCell, session: number, id: number, extra: number, text: Text): void {
    this.#toCell.write(code, session, id, extra, text);
    this.#cellReader.push(this.#toCell.take());
    while (this.#runtime.receive(this.#cellReader));
  }

  async #session(user: TestUser): Promise<number> {
    const index = this.#connections.findIndex(({ id }) => id === (user.connection ?? "1"));
    return index >= 0 ? index + 1 : await this.#begin(user, false);
  }

  async #begin(user: TestUser, resumed: boolean): Promise<number> {
    const id = user.connection ?? "1";
    const name = user.user ?? "tester";
    const roles = user.roles ?? [];
    const session = this.#connections.push({ id, user: name, roles, topics: new Set() });
    const info: SessionInfo = {
      user: { id: name, roles, claims: user.claims ?? { sub: name } },
      connection: { id, ip: "127.0.0.1", subprotocol: "test" },
    };
    await this.#ask(ToCell.Open, session, resumed ? 1 : 0, JSON.stringify(info));
    return session;
  }

  #did({ code, session, id, extra, first, second }: Operation): void {
    const from = this.#connections[session - 1];
    const connection = from?.id ?? "";
    const text = new TextDecoder().decode(first);
    const more = new TextDecoder().decode(second);
    switch (code) {
      case ToHost.Result:
        return this.#take(id)?.resolve(JSON.parse(text));
      case ToHost.Error:
        return this.#take(id)?.reject(new CallError(-extra, text === "" ? undefined : JSON.parse(text)));
      case ToHost.DeclaredError:
        return this.#declaredError(id, extra, text);
      case ToHost.Crash:
        throw new Error(text);
      case ToHost.Notify:
        return void this.events.push({ type: "notify", connection, ...parts(JSON.parse(text) as Notification) });
      case ToHost.Publish:
        return void this.events.push(
          publication(this.#topics.declared, connection, text, JSON.parse(more) as Notification),
        );
      case ToHost.Send:
        return void this.events.push({ type: "send", connection, data: extra === 1 ? text : first.slice() });
      case ToHost.Subscribe: {
        const answer = (code: number) => this.#give(ToCell.Subscribed, session, id, -code, "");
        return void Promise.resolve(this.#topics.subscribe(session, from!, text)).then(answer);
      }
      case ToHost.Unsubscribe:
        return this.#topics.unsubscribe(session, from!, text);
      case ToHost.Presence: {
        const answer = JSON.stringify(this.#present(text));
        return queueMicrotask(() => this.#give(ToCell.Presence, session, id, 1, answer));
      }
      case ToHost.Close:
        return void this.events.push({ type: "close", connection, reason: text });
      case ToHost.Log: {
        const fields: unknown = more === "" ? {} : JSON.parse(more);
        return void this.events.push({ type: "log", connection, level: LEVELS[extra]!, message: text, fields });
      }
      case ToHost.Failed: {
        const method = text.slice(text.indexOf(" ") + 1);
        return void this.events.push({ type: "failed", connection, method, error: more });
      }
    }
  }

  #declaredError(id: number, index: number, data: string): void {
    const waiting = this.#take(id);
    const { code, message } = waiting!.method!.errors![index]!;
    waiting!.reject(new CallError(code, data === "" ? undefined : JSON.parse(data), message));
  }

  #topicCell(): TopicCell {
    const connection = (session: number) => this.#connections[session - 1]!.id;
    return {
      allow: (session, topic, byHandler) => this.#ask(ToCell.Allow, session, byHandler ? 1 : 0, topic),
      publish: (session, params) => this.#ask(ToCell.Publish, session, 0, JSON.stringify({ params })),
      presence: (topic) => this.#present(topic),
      did: (type, session, topic) => this.events.push({ type, connection: connection(session), topic }),
      published: (session, topic, notification) =>
        this.events.push(publication(this.#topics.declared, connection(session), topic, notification as Notification)),
    };
  }

  #present(topic: string): { user: string; connections: number }[] {
    const told = this.presence.get(topic);
    if (told !== undefined) return told;
    const counts = new Map<string, number>();
    for (const { id, user, topics } of this.#connections) {
      if (id !== "" && topics.has(topic)) counts.set(user, (counts.get(user) ?? 0) + 1);
    }
    return [...counts].map(([user, connections]) => ({ user, connections }));
  }

  #take(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }
}
