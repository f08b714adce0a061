/** A rolling restart of two server processes on one port, seen by many clients of the library in this process. */
import { CallError, type Client, createClient } from "../../client/mod.ts";
import { ORIGIN, startServer, type TestServer } from "./test_server.ts";
import { until } from "./until.ts";

/** The number of clients, and the pace. */
export interface RestartOptions {
  readonly clients: number;
  /** Of one address; the clients have one. */
  readonly handshakesPerSecond: number;
  readonly drainTimeoutS: number;
  /** Between two calls of a client. */
  readonly callEveryMs: number;
  /** For each step; slow machines need it. */
  readonly deadlineMs: number;
  /** Told how far it is. */
  progress?(text: string): void;
}

/** What the clients have seen. */
export interface RestartReport {
  /** Calls by what became of them: `answered`, or the outcome of their error. */
  readonly calls: Readonly<Record<string, number>>;
  /** Calls that never settled. */
  readonly unsettled: number;
  /** Clients that were told when to come back. */
  readonly told: number;
  /** The longest delay that a client was told, in milliseconds. */
  readonly spreadMs: number;
  /** From the signal until the last client was back, in milliseconds. */
  readonly backMs: number;
  /** Most attempts to connect within a second, after the signal. */
  readonly attemptsPerSecond: number;
  /** All attempts after the signal. */
  readonly attempts: number;
  /** Clients that came earlier than they were told. */
  readonly early: number;
}

/** Connections are opened that many at a time. */
const OPENING = 32;
/** Timers may fire a little early by another clock. */
const EARLY_MS = 50;

/** One client with its books. */
class Member {
  readonly client: Client;
  /** When it was told to come back, by `performance.now()`. */
  due: number | null = null;
  /** When it tried to connect, after it was told. */
  readonly attempts: number[] = [];
  back = false;

  constructor(
    server: TestServer,
    http: Deno.HttpClient,
    name: string,
    told: (member: Member, delayMs: number) => void,
  ) {
    // deno-lint-ignore no-this-alias -- the constructor below has a `this` of its own
    const member = this;
    class Socket extends WebSocket {
      constructor(url: string | URL, given?: string | string[] | WebSocketOptions) {
        const { protocols = [], headers } = given as WebSocketOptions;
        super(url, { protocols, headers: { ...headers as Record<string, string>, origin: ORIGIN }, client: http });
        const returning = member.due !== null;
        if (returning) member.attempts.push(performance.now());
        this.addEventListener("message", ({ data }) => {
          if (returning) member.back = true; // the answer to session.whoami
          const { method, params } = JSON.parse(data);
          if (method === "session.reconnect") told(member, params.after_ms);
        });
      }
    }
    this.client = createClient(server.url, {
      subprotocol: "echo.v1",
      token: () => server.token(name),
      env: { WebSocket: Socket as typeof WebSocket },
    });
  }
}

/** Runs it, and closes everything. @throws {Error} When a step takes longer than the deadline. */
export async function rollingRestart(options: RestartOptions): Promise<RestartReport> {
  const { clients, handshakesPerSecond: rate, drainTimeoutS, deadlineMs, progress = () => {} } = options;
  const config = (port: number) => ({
    handlers: [{ subprotocol: "echo.v1", module: "examples/echo/echo.ts" }],
    config: {
      server: {
        port,
        reuse_port: true,
        drain_timeout: `${drainTimeoutS}s`,
        max_connections: 2 * clients,
        max_connections_per_ip: 2 * clients,
        handshake_timeout: "30s",
      },
      limits: {
        handshake: { rate, burst: rate },
        ip: { rate: 100_000, burst: 100_000 },
        adaptive: false,
      },
      log: { level: "info" },
    },
  });
  const told: number[] = [];
  const members: Member[] = [];
  await using first = await startServer(config(0));
  const http = Deno.createHttpClient({ caCerts: [first.caPem] });
  const calls: Record<string, number> = { answered: 0 };
  let [started, settled, calling] = [0, 0, true];
  const call = async ({ client }: Member) => {
    while (calling) {
      started++;
      const outcome = await client.call("echo", { text: "x" }, { timeout: deadlineMs }).then(
        () => "answered",
        (error) => error instanceof CallError ? error.outcome : String(error),
      );
      settled++;
      calls[outcome] = (calls[outcome] ?? 0) + 1;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * options.callEveryMs));
    }
  };
  try {
    for (let n = 0; n < clients; n += OPENING) {
      const more = Array.from(
        { length: Math.min(OPENING, clients - n) },
        (_, index) =>
          new Member(first, http, `user-${n + index}`, (member, delayMs) => {
            member.due = performance.now() + delayMs;
            told.push(delayMs);
          }),
      );
      members.push(...more);
      await within(deadlineMs, "the connections", Promise.all(more.map(({ client }) => client.connect())));
    }
    progress(`${clients} clients are connected`);
    const callers = members.map(call);
    await using _second = await startServer(config(first.port));
    progress("the second server listens");
    const signalled = performance.now();
    first.signal("SIGTERM");
    await until(
      () => members.every(({ back, client }) => back && client.state === "open"),
      () => `${members.filter(({ back }) => !back).length} of ${clients} clients to come back`,
      deadlineMs,
    );
    const backMs = performance.now() - signalled;
    progress(`all are back after ${Math.round(backMs)} ms`);
    calling = false;
    await within(deadlineMs, "the calls", Promise.all(callers));
    const attempts = members.flatMap((member) => member.attempts).sort((a, b) => a - b);
    const report: RestartReport = {
      calls,
      unsettled: started - settled,
      told: told.length,
      spreadMs: told.reduce((most, one) => Math.max(most, one), 0),
      backMs,
      attemptsPerSecond: mostWithinSecond(attempts),
      attempts: attempts.length,
      early: members.filter(({ due, attempts }) => (attempts[0] ?? 0) < due! - EARLY_MS).length,
    };
    await Promise.all(members.map(({ client }) => client.close()));
    return report;
  } finally {
    calling = false;
    for (const { client } of members) void client.close();
    http.close();
  }
}

/** The most of the sorted moments, in milliseconds, that lie within one second. */
function mostWithinSecond(moments: readonly number[]): number {
  let [most, from] = [0, 0];
  moments.forEach((moment, index) => {
    while (moments[from]! <= moment - 1000) from++;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what}`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
