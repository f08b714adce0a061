/** A clock, sockets and a ticket endpoint in the hands of a test: for what is only a question of time and order. */
import { createMachine } from "../../client/client.ts";
import type { Env, PageTarget } from "../../client/env.ts";
import type { Client, Options, State, TokenAsk, User, Why } from "../../client/types.ts";
import { assert, assertEquals } from "../assert.ts";

export interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  run(): void;
}

const START_MS = 1_700_000_000_000;
/** More steps than any test needs: the client is in a loop. */
const MAX_STEPS = 10_000;
/** Longer than a busy machine takes for what is ready. */
const SOON_MS = 10_000;

export class FakeSocket extends EventTarget {
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  /** Messages that the client has sent, in order. */
  readonly sent: Message[] = [];
  /** Whether the client has closed it, and how often. */
  closed = 0;

  constructor(readonly url: string, readonly protocols: unknown, readonly options: unknown, readonly world: World) {
    super();
    world.sockets.push(this);
  }

  send(text: string): void {
    assertEquals(this.readyState, 1, "sent on a socket that is not open");
    const message = JSON.parse(text) as Message;
    this.sent.push(message);
    this.world.heard(this, message);
  }

  close(): void {
    this.closed++;
    if (this.readyState >= 2) return;
    const code = this.readyState === 0 ? 1006 : 1000;
    this.readyState = 2;
    if (!this.world.deaf) queueMicrotask(() => this.end(code, ""));
  }

  open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
  }

  /** A message of the server. */
  push(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  notify(method: string, params: unknown): void {
    this.push({ jsonrpc: "2.0", method, params });
  }

  /** The connection is closed. */
  end(code: number, reason = ""): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onerror?.();
    this.onclose?.({ code, reason });
    this.dispatchEvent(new Event("close"));
  }

  /** The calls that are not answered by the world itself. */
  get calls(): Message[] {
    return this.sent.filter(({ method }) => !method.startsWith("session."));
  }
}

export interface TicketAnswer {
  readonly status?: number;
  readonly error?: string;
  readonly retryAfter?: string;
}

export interface WorldOptions extends Partial<Options> {
  readonly page?: FakePage;
  /** Every random number. */
  readonly random?: number;
}

/** A window that a test hides, freezes and takes offline. */
export class FakePage extends EventTarget implements PageTarget {
  readonly document = { hidden: false };

  fire(event: string): void {
    this.dispatchEvent(new Event(event));
  }

  hide(hidden: boolean): void {
    this.document.hidden = hidden;
    this.fire("visibilitychange");
  }
}

export class World implements Disposable {
  readonly client: Client;
  readonly sockets: FakeSocket[] = [];
  /** Every change of state, with its reason. */
  readonly states: [State, Why | null][] = [];
  readonly errors: unknown[] = [];
  readonly asks: TokenAsk["why"][] = [];
  readonly ticketRequests: { url: string; authorization: string | null }[] = [];
  /** Answers of the ticket endpoint; then it gives tickets. */
  readonly ticketAnswers: (TicketAnswer | Error)[] = [];
  /** The answer of the token callback. */
  token: () => string | null | Promise<string | null> = () => "token";
  random = 0.5;
  nowMs = START_MS;
  /** The server accepts sockets by itself. */
  accepting = true;
  /** The server answers `session.*` by itself. */
  answering = true;
  /** The server does not answer a close. */
  deaf = false;
  user: User | null = { user: "ann", roles: ["user"], expires_at: START_MS / 1000 + 3600 };
  refreshed: (token: unknown) => unknown = () => this.user;
  readonly #timers = new Set<Timer>();
  #order = 0;

  constructor(options: WorldOptions = {}) {
    const { page, random = 0.5, ...given } = options;
    this.random = random;
    this.client = createMachine(new URL("https://example.com/ws"), {
      subprotocol: "chat.v1",
      via: "subprotocol",
      token: ({ why }) => {
        this.asks.push(why);
        return this.token();
      },
      ...given,
    }, this.#env(page ?? null));
    this.#keepRejections();
    this.client.on("state", (state, why) => this.states.push([state, why]));
    this.client.on("error", (error) => this.errors.push(error));
  }

  /** The socket that was opened last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    assert(socket, "no socket was opened");
    return socket;
  }

  /** The last reason for a state. */
  get why(): Why | null {
    return this.states.at(-1)?.[1] ?? null;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** As a caller that listens to the states only. */
  connect(): void {
    this.client.connect().catch(() => {});
  }

  /** Starts a client that is open. */
  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    world.connect();
    await settle();
    assertEquals(world.client.state, "open");
    return world;
  }

  /** Lets time pass, and everything happen in its order. */
  async pass(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    for (let step = 0; step < MAX_STEPS; step++) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next || next.at > end) {
        this.nowMs = end;
        return;
      }
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.at);
      next.run();
    }
    throw new Error(`More than ${MAX_STEPS} timers within ${ms} ms`);
  }

  /** The server's part of what the client sends. */
  heard(socket: FakeSocket, { id, method, params }: Message): void {
    if (!this.answering || !method.startsWith("session.")) return;
    queueMicrotask(() => {
      const result = method === "session.refresh" ? this.refreshed(params?.token) : this.user;
      if (socket.readyState === 1) socket.push(result instanceof Error ? { id, error: result.cause } : { id, result });
    });
  }

  /** Answers a call. */
  answer(message: Message | undefined, answer: Record<string, unknown>, socket: FakeSocket = this.socket): void {
    assert(message, "no such call was sent");
    socket.push({ jsonrpc: "2.0", id: message.id, ...answer });
  }

  /** Calls that a failed test leaves behind must not hide its assertion behind their rejections. */
  #keepRejections(): void {
    const { call, connect } = this.client;
    const kept = <T>(promise: Promise<T>): Promise<T> => {
      promise.catch(() => {});
      return promise;
    };
    this.client.call = (...args) => kept(call(...args));
    this.client.connect = () => kept(connect());
  }

  [Symbol.dispose](): void {
    this.client.close();
    assertEquals(this.#timers.size, 0, "timers after close()");
  }

  #env(target: PageTarget | null): Env {
    // deno-lint-ignore no-this-alias -- the constructor below has a `this` of its own
    const world = this;
    class Socket extends FakeSocket {
      constructor(url: string, protocols: unknown, options?: unknown) {
        super(url, protocols, options, world);
        if (world.accepting) queueMicrotask(() => this.open());
      }
    }
    return {
      WebSocket: Socket as unknown as Env["WebSocket"],
      fetch: (url, init) => this.#ticket(String(url), new Headers(init?.headers)),
      target,
      random: () => this.random,
      now: () => this.nowMs,
      later: (run, ms) => {
        const timer = { at: this.nowMs + ms, order: this.#order++, run };
        this.#timers.add(timer);
        return () => void this.#timers.delete(timer);
      },
    };
  }

  #ticket(url: string, headers: Headers): Promise<Response> {
    this.ticketRequests.push({ url, authorization: headers.get("authorization") });
    const answer = this.ticketAnswers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    if (!answer) return Promise.resolve(Response.json({ ticket: `t${this.ticketRequests.length}`, expires_in: 30 }));
    const { status = 503, error, retryAfter } = answer;
    return Promise.resolve(
      new Response(error === undefined ? "<html>" : JSON.stringify({ error }), {
        status,
        headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
      }),
    );
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  // Bodies of responses are read in turns of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/**
 * The outcome of a promise. A promise that stays pending fails an assertion, while the runtime would end the test without
 * one.
 */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let pending = true;
  const done = () => void (pending = false);
  promise.then(done, done);
  for (const deadline = Date.now() + SOON_MS; pending; await settle()) {
    assert(Date.now() < deadline, `waited for ${what}`);
  }
  return await promise;
}

/** A token as an issuer would make it, unsigned: the client only reads it. Seconds since the epoch. */
export function tokenOf(iat: number, exp: number): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return `${part({ alg: "none" })}.${part({ iat, exp })}.x`;
}
