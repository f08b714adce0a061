/** Sessions as a sandbox sees them, which record what is done to them. */
import type { CellClient, Line, PendingCall, Present } from "../../lib/sandbox/sandbox.ts";

/** Answer of a call: a result, or an error code with its data. */
export type Answer = { result: unknown } | { code: number; data: unknown };

const decoder = new TextDecoder();

/** Where a client is attached. */
interface Attaching {
  attach(client: CellClient): Line;
}

let clients = 0;

/** A session attached to a module, which records what the cell does to it. */
export class FakeClient implements CellClient {
  readonly id = `c${++clients}`;
  readonly ip = "127.0.0.1";
  readonly subprotocol = "test.v1";
  readonly user: { id: string; roles: string[]; claims: Record<string, unknown> };
  readonly line: Line;
  /** The calls of the cell: name of the method, then its arguments. */
  readonly did: unknown[][] = [];
  presentUsers: readonly Present[] | Error = [];
  /** How often presence was asked for. */
  asked = 0;
  /** How a subscription is answered: 0, or the code of a refusal. */
  subscribed = 0;

  constructor(module: Attaching, user: Partial<FakeClient["user"]> = {}) {
    this.user = { id: "ann", roles: ["user"], claims: { sub: "ann" }, ...user };
    this.line = module.attach(this);
  }

  call(method: string, params?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.line.call(method, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), once(method, resolve, reject));
    });
  }

  /** A raw frame. */
  message(data: string | Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => this.line.message(data, once("message", resolve, reject)));
  }

  /** Arguments of every call of one kind. */
  of(kind: string): unknown[][] {
    return this.did.filter(([name]) => name === kind).map(([, ...rest]) => rest);
  }

  notify = (message: Uint8Array) => void this.did.push(["notify", JSON.parse(decoder.decode(message))]);
  send = (data: Uint8Array, text: boolean) => void this.did.push(["send", text ? decoder.decode(data) : data.slice()]);
  subscribe(topic: string, answer: (code: number) => void): void {
    this.did.push(["subscribe", topic]);
    answer(this.subscribed);
  }
  resumed = () => void this.did.push(["resumed"]);
  unsubscribe = (topic: string) => void this.did.push(["unsubscribe", topic]);
  closeByHandler = (reason: string) => void this.did.push(["close", reason]);
  logged = (level: string, message: string, fields: Record<string, unknown>) =>
    void this.did.push(["log", level, message, fields]);
  unserved = () => void this.did.push(["unserved"]);
  followers(): number {
    return this.presentUsers instanceof Error ? 0 : this.presentUsers.length;
  }
  presence(_topic: string): Promise<readonly Present[]> {
    this.asked++;
    if (this.presentUsers instanceof Error) return Promise.reject(this.presentUsers);
    return Promise.resolve(this.presentUsers);
  }
}

function once(what: string, resolve: (answer: Answer) => void, reject: (error: Error) => void): PendingCall {
  let settled = false;
  const settle = (answer: Answer) => {
    if (settled) reject(new Error(`${what} was answered twice`));
    settled = true;
    resolve(answer);
  };
  return {
    resolve: (json) => {
      const text = typeof json === "string" ? json : decoder.decode(json);
      settle({ result: JSON.parse(text) as unknown });
    },
    reject: (code, json) => settle({ code, data: json === undefined ? undefined : JSON.parse(json) as unknown }),
  };
}
