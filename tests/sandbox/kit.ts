/** A sandbox with fake sessions, for the tests of this folder. */
import { createLog } from "../../lib/ops/log.ts";
import { Telemetry } from "../../lib/ops/telemetry.ts";
import { Pool, type PoolDeps } from "../../lib/sandbox/pool.ts";
import { Watchdog } from "../../lib/sandbox/watchdog.ts";
import type { CellClient, HandlerSettings, Line, PendingCall, Present } from "../../lib/sandbox/sandbox.ts";

export const HANDLERS = new URL("./handlers/", import.meta.url);

/** Answer of a call: a result, or an error code with its data. */
export type Answer = { result: unknown } | { code: number; data: unknown };

export function settings(module: string, rest: Partial<HandlerSettings> = {}): HandlerSettings {
  const path = module.startsWith("/") ? module : new URL(module, HANDLERS).href;
  return {
    subprotocol: "test.v1",
    module: path,
    cells: 1,
    memory: 64 * 1024 * 1024,
    timeout: 3000,
    permissions: {},
    ...rest,
  };
}

/** A started module with its log, and clients on it. */
export class Bench implements AsyncDisposable {
  private constructor(
    readonly pool: Pool,
    readonly watchdog: Watchdog,
    readonly lines: Record<string, unknown>[],
    readonly telemetry: Telemetry,
  ) {}

  static async start(config: HandlerSettings, deps: Partial<PoolDeps> = {}): Promise<Bench> {
    const lines: Record<string, unknown>[] = [];
    const log = createLog({
      level: "debug",
      format: "json",
      write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    });
    const telemetry = new Telemetry();
    const now = () => performance.now();
    const pool = await Pool.start(config, { log, telemetry, now, random: () => 0, ...deps });
    return new Bench(pool, new Watchdog([pool], now), lines, telemetry);
  }

  client(user: Partial<FakeClient["user"]> = {}): FakeClient {
    return new FakeClient(this.pool, user);
  }

  /** Lines of one event. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line["event"] === event);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.watchdog.stop();
    this.pool.close();
    // A worker's thread is gone a moment after it was told to.
    return new Promise((done) => setTimeout(done, 20));
  }
}

let clients = 0;

export class FakeClient implements CellClient {
  readonly id = `c${++clients}`;
  readonly ip = "127.0.0.1";
  readonly subprotocol = "test.v1";
  readonly user: { id: string; roles: string[]; claims: Record<string, unknown> };
  readonly line: Line;
  /** What the cell did: name of the method, then its arguments. */
  readonly did: unknown[][] = [];
  presentUsers: readonly Present[] | Error = [];

  constructor(pool: Pool, user: Partial<FakeClient["user"]> = {}) {
    this.user = { id: "ann", roles: ["user"], claims: { sub: "ann" }, ...user };
    this.line = pool.attach(this);
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

  notify = (message: string) => void this.did.push(["notify", JSON.parse(message)]);
  send = (data: string | Uint8Array) => void this.did.push(["send", data]);
  publish = (topic: string, message: string) => void this.did.push(["publish", topic, JSON.parse(message)]);
  subscribe = (topic: string) => void this.did.push(["subscribe", topic]);
  unsubscribe = (topic: string) => void this.did.push(["unsubscribe", topic]);
  closeByHandler = (reason: string) => void this.did.push(["close", reason]);
  logged = (level: string, message: string, fields: Record<string, unknown>) =>
    void this.did.push(["log", level, message, fields]);
  unserved = () => void this.did.push(["unserved"]);
  presence(_topic: string): readonly Present[] {
    if (this.presentUsers instanceof Error) throw this.presentUsers;
    return this.presentUsers;
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
    resolve: (json) => settle({ result: JSON.parse(json) as unknown }),
    reject: (code, json) => settle({ code, data: json === undefined ? undefined : JSON.parse(json) as unknown }),
  };
}

/** Waits until `holds`; fails after `ms`. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Did not happen in ${ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}
