/** Runs a handler module in a test, without a server or a cell: same validation, same contexts, everything it does recorded. */
import { CallError } from "./call_error.ts";
import type { Handlers, Vocabulary } from "./handlers.ts";
import { checkContract } from "./contract_check.ts";
import { describeHandlers, makeHandlers } from "./module_shape.ts";
import { Outbox } from "./outbox.ts";
import { Runtime } from "./runtime.ts";
import { LEVELS, type SessionInfo, ToCell, ToMain } from "./wire.ts";

/** Who calls. */
export interface TestUser {
  /** User id, "tester" by default. */
  user?: string;
  roles?: string[];
  claims?: Record<string, unknown>;
  /** Keep one `connection` id over several calls to keep its state; "1" by default. */
  connection?: string;
}

/** Something a handler did. */
export type TestEvent =
  | { type: "notify"; connection: string; method: string; params: unknown }
  | { type: "publish"; connection: string; topic: string; method: string; params: unknown }
  | { type: "send"; connection: string; data: string | Uint8Array }
  | { type: "subscribe" | "unsubscribe"; connection: string; topic: string }
  | { type: "close"; connection: string; reason: string }
  | { type: "log"; connection: string; level: string; message: string; fields: unknown }
  | { type: "failed"; connection: string; method: string; error: string };

/** A module under test. Calls check roles as the server does. */
export interface TestHandlers {
  /** Resolves to the result; rejects with a `CallError` (code -32601, -32602 with `data.issues`, -32003, -32603). */
  call(method: string, params?: unknown, user?: TestUser): Promise<unknown>;
  /** Opens a connection; `call` does it by itself when it was not. */
  open(user?: TestUser, info?: { resumed: boolean }): Promise<void>;
  /** A raw frame. Resolves when it has been dealt with; rejects with a `CallError` (-32602, -32603). */
  message(data: string | Uint8Array, user?: TestUser): Promise<void>;
  close(code?: number, user?: TestUser): Promise<void>;
  /** Everything handlers did so far, in order. */
  readonly events: TestEvent[];
  /** What `ctx.presence` answers: topic to users. By default who has subscribed. */
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
  resolve(value: unknown): void;
  reject(error: Error): void;
}

class Recorder {
  readonly events: TestEvent[] = [];
  readonly presence = new Map<string, { user: string; connections: number }[]>();
  readonly #connections: { id: string; user: string; topics: Set<string> }[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #runtime!: Runtime;
  #roles: ReadonlyMap<string, { roles?: readonly string[]; public?: boolean }> = new Map();
  #calls = 0;

  async start<V extends Vocabulary>(module: Handlers<V>): Promise<void> {
    const handlers = await makeHandlers(module);
    const checked = checkContract(describeHandlers(handlers));
    if ("problems" in checked) throw new TypeError(checked.problems.join("; "));
    this.#roles = checked.contract.methods;
    const now = () => performance.now();
    const out = new Outbox({ post: (batch) => this.#record(batch), schedule: (flush) => queueMicrotask(flush), now });
    const random = () => crypto.randomUUID();
    this.#runtime = new Runtime(handlers, { out, now, random, external: () => 0 });
  }

  async call(method: string, params: unknown, user: TestUser): Promise<unknown> {
    const found = this.#roles.get(method);
    if (found === undefined) throw new CallError(-32601, undefined);
    const roles = user.roles ?? [];
    if (found.public !== true && found.roles !== undefined && !found.roles.some((role) => roles.includes(role))) {
      throw new CallError(-32003, undefined);
    }
    const session = await this.#session(user);
    const text = JSON.stringify(params === undefined ? {} : { params });
    return await this.#ask((call) => [ToCell.Call, session, call, method, text]);
  }

  async open(user: TestUser, resumed: boolean): Promise<void> {
    await this.#begin(user, resumed);
  }

  async message(data: string | Uint8Array, user: TestUser): Promise<void> {
    const session = await this.#session(user);
    await this.#ask((call) => [ToCell.Message, session, call, data]);
  }

  async close(code: number, user: TestUser): Promise<void> {
    const session = await this.#session(user);
    await this.#ask((call) => [ToCell.Close, session, call, code]).catch(() => {});
    this.#connections[session - 1]!.id = "";
  }

  #ask(operation: (call: number) => unknown[]): Promise<unknown> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#runtime.receive(operation(call));
    });
  }

  async #session(user: TestUser): Promise<number> {
    const index = this.#connections.findIndex(({ id }) => id === (user.connection ?? "1"));
    return index >= 0 ? index + 1 : await this.#begin(user, false);
  }

  async #begin(user: TestUser, resumed: boolean): Promise<number> {
    const id = user.connection ?? "1";
    const name = user.user ?? "tester";
    const session = this.#connections.push({ id, user: name, topics: new Set() });
    const info: SessionInfo = {
      user: { id: name, roles: user.roles ?? [], claims: user.claims ?? { sub: name } },
      connection: { id, ip: "127.0.0.1", subprotocol: "test" },
    };
    await this.#ask((call) => [ToCell.Open, session, resumed ? 1 : 0, call, JSON.stringify(info)]);
    return session;
  }

  #record(batch: unknown[]): void {
    let at = 0;
    const next = <T>() => batch[at++] as T;
    while (at < batch.length) {
      const code = next<ToMain>();
      switch (code) {
        case ToMain.Result: {
          this.#take(next())?.resolve(JSON.parse(next()));
          break;
        }
        case ToMain.Error: {
          const waiting = this.#take(next());
          const number = next<number>();
          const data = next<string>();
          waiting?.reject(new CallError(number, data === "" ? undefined : JSON.parse(data)));
          break;
        }
        case ToMain.Done:
          at += 2;
          break;
        case ToMain.Crash:
          at++;
          throw new Error(next<string>());
        default: {
          const session = next<number>();
          const connection = this.#connections[session - 1]!;
          at = this.#did(code, session, connection, batch, at);
        }
      }
    }
  }

  #did(code: ToMain, session: number, from: { id: string; topics: Set<string> }, batch: unknown[], at: number): number {
    const connection = from.id;
    const text = (offset: number) => batch[at + offset] as string;
    switch (code) {
      case ToMain.Notify: {
        const { method, params } = JSON.parse(text(0)) as { method: string; params: unknown };
        this.events.push({ type: "notify", connection, method, params });
        return at + 1;
      }
      case ToMain.Publish: {
        const { method, params } = JSON.parse(text(1)) as { method: string; params: unknown };
        this.events.push({ type: "publish", connection, topic: text(0), method, params });
        return at + 2;
      }
      case ToMain.Send:
        this.events.push({ type: "send", connection, data: batch[at] as string | Uint8Array });
        return at + 1;
      case ToMain.Subscribe:
        from.topics.add(text(0));
        this.events.push({ type: "subscribe", connection, topic: text(0) });
        return at + 1;
      case ToMain.Unsubscribe:
        from.topics.delete(text(0));
        this.events.push({ type: "unsubscribe", connection, topic: text(0) });
        return at + 1;
      case ToMain.Presence: {
        const [query, topic] = [batch[at] as number, text(1)];
        const answer = JSON.stringify(this.presence.get(topic) ?? this.#subscribed(topic));
        queueMicrotask(() => this.#runtime.receive([ToCell.Presence, session, query, answer]));
        return at + 2;
      }
      case ToMain.Close:
        this.events.push({ type: "close", connection, reason: text(0) });
        return at + 1;
      case ToMain.Log: {
        const fields: unknown = text(2) === "" ? {} : JSON.parse(text(2));
        const level = LEVELS[batch[at] as number] ?? "info";
        this.events.push({ type: "log", connection, level, message: text(1), fields });
        return at + 3;
      }
      case ToMain.Failed:
        this.events.push({ type: "failed", connection, method: text(1), error: text(2) });
        return at + 3;
      default:
        return at + 1;
    }
  }

  #subscribed(topic: string): { user: string; connections: number }[] {
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
