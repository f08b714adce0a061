/** A rolling restart of two server processes on one port, seen by many clients of the library in some processes. */
import { join } from "node:path";
import { ROOT } from "../../tools/project.ts";
import type { CrowdReport, Orders } from "./crowd.ts";
import { ORIGIN, startServer, type TestServer } from "./test_server.ts";
import { until } from "./until.ts";

/** The number of clients, and the pace. */
export interface RestartOptions {
  readonly clients: number;
  /** Processes of clients. */
  readonly crowds: number;
  /** Of one address; the clients have one. */
  readonly handshakesPerSecond: number;
  readonly drainTimeoutS: number;
  /** Between two calls of a client, on average. */
  readonly callEveryMs: number;
  /** For each step; slow machines need it. */
  readonly deadlineMs: number;
  /** Told how far it is. */
  progress?(text: string): void;
}

/** The observations of the clients. */
export interface RestartReport extends Omit<CrowdReport, "told" | "attempts" | "backAt"> {
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
}

/** One process of clients; see `crowd.ts`. */
class CrowdProcess implements AsyncDisposable {
  back = 0;
  readonly opened = Promise.withResolvers<void>();
  readonly reported = Promise.withResolvers<CrowdReport>();
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;

  constructor(orders: Orders) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "-A", join(ROOT, "tests/helpers/crowd.ts")],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.opened.promise.catch(() => {});
    this.reported.promise.catch(() => {});
    this.#read = this.#listen();
    void this.order(orders).catch(() => {}); // its end is noticed by its output
  }

  async order(order: Orders | "end"): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#child.status;
    await this.#read;
    await this.#orders.close().catch(() => {});
  }

  async #listen(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line));
    }
    const error = new Error("A process of clients has ended");
    this.opened.reject(error);
    this.reported.reject(error);
  }

  #take(report: { open: true } | { back: number } | CrowdReport): void {
    if ("open" in report) this.opened.resolve();
    else if ("back" in report) this.back = report.back;
    else this.reported.resolve(report);
  }
}

const TOKEN_TTL_S = 7_200;

/** Runs the restart, and closes everything. @throws {Error} when a step takes longer than the deadline */
export async function rollingRestart(options: RestartOptions): Promise<RestartReport> {
  const { clients, deadlineMs, progress = () => {} } = options;
  await using first = await startServer(configOf(options, 0));
  await using crowds = new AsyncDisposableStack();
  const all = Array.from(
    { length: options.crowds },
    (_, index) => crowds.use(new CrowdProcess(ordersOf(options, first, index))),
  );
  await within(deadlineMs, "the connections", Promise.all(all.map(({ opened }) => opened.promise)));
  progress(`${clients} clients are connected`);
  await using _second = await startServer(configOf(options, first.port));
  progress("the second server listens");
  const signalled = performance.timeOrigin + performance.now();
  first.signal("SIGTERM");
  const back = () => all.reduce((sum, crowd) => sum + crowd.back, 0);
  await until(() => back() === clients, () => `all clients: ${back()} of ${clients} are back`, deadlineMs);
  await within(deadlineMs, "the end of the first server", first.exited());
  progress("all are back, and the first server has ended");
  const reports = await within(
    deadlineMs,
    "the calls",
    Promise.all(all.map(async (crowd) => {
      await crowd.order("end");
      return await crowd.reported.promise;
    })),
  );
  return summary(reports, signalled);
}

function configOf({ clients, handshakesPerSecond: rate, drainTimeoutS }: RestartOptions, port: number) {
  return {
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
  };
}

function ordersOf({ clients, crowds, callEveryMs, deadlineMs }: RestartOptions, server: TestServer, index: number) {
  const numbers = Array.from({ length: clients }, (_, number) => number).filter((number) => number % crowds === index);
  return {
    url: server.url,
    caPem: server.caPem,
    origin: ORIGIN,
    subprotocol: "echo.v1",
    tokens: numbers.map((number) => server.token(`user-${number}`, { ttl: TOKEN_TTL_S })),
    callEveryMs,
    timeoutMs: deadlineMs,
  };
}

function summary(reports: readonly CrowdReport[], signalled: number): RestartReport {
  const sum = (of: (report: CrowdReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const most = (of: (report: CrowdReport) => number) => reports.reduce((top, report) => Math.max(top, of(report)), 0);
  const calls: Record<string, number> = {};
  for (const [outcome, count] of reports.flatMap((report) => Object.entries(report.calls))) {
    calls[outcome] = (calls[outcome] ?? 0) + count;
  }
  const attempts = reports.flatMap((report) => report.attempts).sort((a, b) => a - b);
  return {
    calls,
    unsettled: sum(({ unsettled }) => unsettled),
    told: sum(({ told }) => told.length),
    spreadMs: most(({ told }) => told.reduce((top, one) => Math.max(top, one), 0)),
    backMs: Math.round(most(({ backAt }) => backAt) - signalled),
    attemptsPerSecond: mostWithinSecond(attempts),
    attempts: attempts.length,
    early: sum(({ early }) => early),
    lateMs: Math.round(most(({ lateMs }) => lateMs)),
    broken: sum(({ broken }) => broken),
  };
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
