/**
 * A process with many clients of the library, each with its books. It reads orders from standard input, a JSON value a
 * line, and prints reports in the same way: see {@linkcode Orders} and {@linkcode CrowdReport}.
 *
 * Orders: first the members and their server; then `"end"`. Reports: `{ open }` once all are open, `{ back }` each second
 * with the number of members that are back, and at last a `CrowdReport`.
 */
import { CallError, type Client, createClient } from "../../client/mod.ts";
import { print } from "../../tools/project.ts";

/** The composition of a crowd. */
export interface Orders {
  readonly url: string;
  readonly caPem: string;
  readonly origin: string;
  readonly subprotocol: string;
  /** One client each. */
  readonly tokens: readonly string[];
  /** Between two calls of a client, on average. */
  readonly callEveryMs: number;
  /** Of a call. */
  readonly timeoutMs: number;
}

/** The outcome for the clients of a crowd. Moments are in milliseconds since the epoch, by a monotonic clock. */
export interface CrowdReport {
  /** Calls by what became of them: `answered`, or the outcome of their error. */
  readonly calls: Readonly<Record<string, number>>;
  /** Calls that never settled. */
  readonly unsettled: number;
  /** The delays that clients were told, in milliseconds. */
  readonly told: readonly number[];
  /** The moments at which clients tried to connect after they were told. */
  readonly attempts: readonly number[];
  /** Clients that came earlier than they were told. */
  readonly early: number;
  /** The longest time in milliseconds by which a client came later than it was told. */
  readonly lateMs: number;
  /** Clients that were not `open` at some time after they were told. */
  readonly broken: number;
  /** The moment at which the last client was back. */
  readonly backAt: number;
}

/** Connections are opened that many at a time. */
const OPENING = 16;
const LOOK_MS = 1_000;
/** Timers may fire a little early by another clock. */
const EARLY_MS = 50;

const now = (): number => performance.timeOrigin + performance.now();

/** One client. */
class Member {
  readonly client: Client;
  told: number | null = null;
  due = Infinity;
  readonly attempts: number[] = [];
  backAt: number | null = null;
  broken = false;

  constructor({ url, origin, subprotocol }: Orders, http: Deno.HttpClient, token: string) {
    // deno-lint-ignore no-this-alias -- the constructor below has a `this` of its own
    const member = this;
    class Socket extends WebSocket {
      constructor(address: string | URL, given?: string | string[] | WebSocketOptions) {
        const { protocols = [], headers } = given as WebSocketOptions;
        super(address, { protocols, headers: { ...headers as Record<string, string>, origin }, client: http });
        const returning = member.told !== null;
        if (returning) member.attempts.push(now());
        this.addEventListener("message", ({ data }) => {
          if (returning) member.backAt ??= now(); // the answer to session.whoami
          const { method, params } = JSON.parse(data);
          if (method !== "session.reconnect") return;
          member.told = params.after_ms;
          member.due = now() + params.after_ms;
        });
      }
    }
    this.client = createClient(url, {
      subprotocol,
      token: () => token,
      env: { WebSocket: Socket as typeof WebSocket },
    });
    this.client.on("state", (state) => this.broken ||= this.told !== null && state !== "open");
  }

  get back(): boolean {
    return this.backAt !== null && this.client.state === "open";
  }
}

class Crowd {
  readonly #orders: Orders;
  readonly #http: Deno.HttpClient;
  readonly #members: readonly Member[];
  readonly #calls: Record<string, number> = { answered: 0 };
  #started = 0;
  #settled = 0;
  #calling = true;

  constructor(orders: Orders) {
    this.#orders = orders;
    this.#http = Deno.createHttpClient({ caCerts: [orders.caPem] });
    this.#members = orders.tokens.map((token) => new Member(orders, this.#http, token));
  }

  async open(): Promise<void> {
    for (let from = 0; from < this.#members.length; from += OPENING) {
      await Promise.all(this.#members.slice(from, from + OPENING).map(({ client }) => client.connect()));
    }
  }

  /** Calls from each client until {@linkcode Crowd.end}. */
  async call(): Promise<void> {
    await Promise.all(this.#members.map(async ({ client }) => {
      while (this.#calling) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * this.#orders.callEveryMs));
        this.#started++;
        const outcome = await client.call("echo", { text: "x" }, { timeout: this.#orders.timeoutMs }).then(
          () => "answered",
          (error) => error instanceof CallError ? error.outcome : String(error),
        );
        this.#settled++;
        this.#calls[outcome] = (this.#calls[outcome] ?? 0) + 1;
      }
    }));
  }

  get back(): number {
    return this.#members.filter(({ back }) => back).length;
  }

  stop(): void {
    this.#calling = false;
  }

  /** Closes the clients after their calls have settled. */
  async report(): Promise<CrowdReport> {
    const members = this.#members;
    const report = {
      calls: this.#calls,
      unsettled: this.#started - this.#settled,
      told: members.flatMap(({ told }) => told ?? []),
      attempts: members.flatMap(({ attempts }) => attempts),
      early: members.filter(({ due, attempts }) => (attempts[0] ?? Infinity) < due - EARLY_MS).length,
      lateMs: Math.max(...members.map(({ due, attempts }) => (attempts[0] ?? due) - due)),
      broken: members.filter(({ broken }) => broken).length,
      backAt: Math.max(...members.map(({ backAt }) => backAt ?? 0)),
    };
    await Promise.all(members.map(({ client }) => client.close()));
    this.#http.close();
    return report;
  }
}

async function main(): Promise<void> {
  const lines = linesOf(Deno.stdin.readable);
  const { value } = await lines.next();
  const crowd = new Crowd(JSON.parse(value!));
  const say = (report: unknown) => print(JSON.stringify(report));
  await crowd.open();
  say({ open: true });
  const called = crowd.call();
  const timer = setInterval(() => say({ back: crowd.back }), LOOK_MS);
  await lines.next();
  clearInterval(timer);
  crowd.stop();
  await called;
  say(await crowd.report());
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

if (import.meta.main) {
  await main();
  Deno.exit(0);
}
