/**
 * One session with everything around it in the test's hand: socket, cell, timers, turns of the event loop. Limits are the
 * real ones, on a simulated clock.
 */
import type { SocketSink } from "../../lib/gate/gate.ts";
import { type Limits, type LimitSettings, type SessionLimits, Turns } from "../../lib/limits/limits.ts";
import { TimingWheel } from "../../lib/timing/timing_wheel.ts";
import { Documents, Registry, Session, type SessionOptions } from "../../lib/session/session.ts";
import { type Hub, hubLimits } from "../../lib/hub/hub.ts";
import { loneHub } from "./lone_node.ts";
import { TopicTable } from "../../lib/sandbox/author/topic_table.ts";
import type {
  CellClient,
  CellUser,
  Contract,
  PendingCall,
  PendingPublication,
  TopicContract,
} from "../../lib/sandbox/sandbox.ts";
import { type Clock, type Lines, makeLimits } from "./limits.ts";
import type { SharedText } from "../../lib/websocket/websocket.ts";
import { assert } from "../assert.ts";

/** Limits, token and cell of the session. */
export interface WorldOptions {
  readonly kind?: "rpc" | "raw";
  /** Whether the client sends binary frames. */
  readonly binary?: boolean;
  /** Default: the hub of a node that runs alone. */
  readonly hub?: Hub;
  /** Whether the engine can stop reading; `serve` can't. */
  readonly pausable?: boolean;
  readonly maxInFlight?: number;
  readonly maxSubscriptions?: number;
  /** Declared topics. */
  readonly topics?: readonly TopicContract[];
  readonly maxInvalid?: number;
  readonly limits?: Partial<LimitSettings>;
  /** Messages a session may have in one turn. */
  readonly share?: number;
  readonly verify?: () => Promise<unknown>;
}

/** A call that the cell has begun. */
interface Begun {
  readonly id: string;
  readonly call: PendingCall;
}

/** A question whether the client may follow a topic. */
export interface Asked {
  readonly topic: string;
  readonly asked: "by_handler" | "in_order";
  /** As it was when the module was asked. */
  readonly user: CellUser;
  readonly call: PendingCall;
}

/** The methods of the module; those of the server come with it. */
const METHODS: Contract["methods"] = new Map([
  ["slow", { name: "slow", cost: 1, params: {} }],
  ["now", { name: "now", cost: 1, params: {} }],
  ["broken", { name: "broken", cost: 1, params: {} }],
  ["dear", { name: "dear", cost: 3, params: {} }],
  ["admin", { name: "admin", cost: 1, params: {}, roles: ["admin"] }],
]);

/** One session, and what it has sent and asked for. */
export class World {
  readonly clock: Clock;
  readonly log: Lines;
  readonly limits: Limits;
  readonly hub: Hub;
  readonly deadlines = new TimingWheel(250, 0);
  readonly session: Session;
  /** The session as its cell sees it. */
  client!: CellClient;
  readonly sent: string[] = [];
  /** Whatever the cell has begun, by the id in its params or the text of its frame, in order. */
  readonly begun: string[] = [];
  /** Calls that have begun and are not answered. */
  pending: Begun[] = [];
  /** Questions to the module that wait for their answer, oldest first. */
  readonly asked: Asked[] = [];
  /** Messages that reached the session. */
  readonly delivered: string[] = [];
  /** Elements for which tokens were taken. */
  charged = 0;
  /** Elements that found no cell. */
  lost = 0;
  /** Messages sent by the client, read or not. */
  sentIn = 0;
  closeCode: number | undefined;
  closeReason = "";
  /** How often the session gave its buckets back. */
  released = 0;
  finished = 0;
  cellUp = true;
  mostPending = 0;
  readonly #pausable: boolean;
  readonly #binary: boolean;
  #topics: TopicTable<TopicContract>;
  readonly #module: { contract: Contract };
  readonly #inbox: string[] = [];
  #paused = false;
  #pumping = false;
  #timers: { at: number; run: () => void }[] = [];
  #turns: (() => void)[] = [];
  #closed = false;

  constructor(options: WorldOptions = {}) {
    const { kind = "rpc", pausable = true, maxInFlight = 64, maxInvalid = 1e6, limits = {}, share = 1e6, verify } =
      options;
    this.#pausable = pausable;
    this.#binary = options.binary ?? false;
    this.hub = options.hub ?? loneHub(hubLimits(1_000, 1_000));
    const made = makeLimits(limits);
    this.clock = made.clock;
    this.log = made.log;
    this.limits = made.limits;
    const contract = contractOf(kind, options.topics, options.binary);
    this.#topics = new TopicTable(contract.topics);
    const module = {
      subprotocol: "world.v1",
      contract,
      topicOf: (name: string) => this.#topics.of(name),
      attach: (client: CellClient) => this.#attach(client),
    };
    this.#module = module;
    const soon = (run: () => void) => void this.#turns.push(run);
    const shares = { own: share, crowded: share, crowd: Infinity, resumed: Infinity, reading: 0 };
    const services = {
      config: {
        server: { ping_interval: 1e12, idle_timeout: 0, max_session: 1e12, send_queue: 64 * 1024 },
        messages: { max_in_flight: maxInFlight, max_invalid: maxInvalid, max_depth: 32, max_batch: 20 },
        auth: {},
        topics: { max_subscriptions_per_session: options.maxSubscriptions ?? 100 },
      },
      log: made.log,
      telemetry: made.telemetry,
      tracing: { call: () => () => {} },
      limits: { session: (ip: string, user: string) => this.#counting(made.limits.session(ip, user)) },
      turns: new Turns(soon, shares, soon),
      hub: this.hub,
      deadlines: this.deadlines,
      documents: new Documents(),
      now: made.clock.now,
      monotonic: made.clock.now,
      later: (run: () => void, milliseconds: number) => this.#later(run, milliseconds),
      verify,
    };
    this.session = new Session({
      id: "session",
      socket: this.#socket(),
      accepted: { identity: { user: "ada", roles: ["user"], claims: {}, expiresAt: Infinity } },
      peer: { ip: "127.0.0.1" },
      module,
      services,
    } as unknown as SessionOptions, new Registry());
  }

  get over(): boolean {
    return this.closeCode !== undefined || this.finished > 0;
  }

  /** A message arrives from the client; it is read as soon as the session reads. */
  send(text: string): void {
    this.sentIn++;
    this.#inbox.push(text);
    if (!this.#pumping && !this.#paused) this.#pump();
  }

  /** The cell answers one of the calls it has begun: with a result, or an error of that code. */
  settle(index: number, error = 0): void {
    if (this.pending.length === 0) return;
    const [{ call }] = this.pending.splice(index % this.pending.length, 1) as [Begun];
    if (error === 0) resolve(call);
    else call.reject(error);
  }

  /** Another version of the module declares these topics. */
  declare(topics: readonly TopicContract[]): void {
    this.#module.contract = contractOf("rpc", topics);
    this.#topics = new TopicTable(this.#module.contract.topics);
  }

  loseCell(): void {
    this.cellUp = false;
    this.#rejectAll();
  }

  advance(milliseconds: number): void {
    const until = this.clock.time + milliseconds;
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at);
      if (this.#timers.length === 0 || this.#timers[0]!.at > until) break;
      const { at, run } = this.#timers.shift()!;
      this.clock.time = at;
      run();
    }
    this.clock.time = until;
  }

  turn(): void {
    const turns = this.#turns;
    this.#turns = [];
    for (const run of turns) run();
  }

  /** The client has said its last word, as soon as that is read. */
  peerCloses(): void {
    if (this.#paused || this.over) return;
    this.session.finish(() => this.finished++);
  }

  /** The connection has ended. */
  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeCode ??= 1006;
    this.session.closed(this.closeCode, "");
  }

  /** Lets time, cell and event loop go on until nothing more happens. */
  settleAll(): void {
    this.cellUp = true;
    for (let round = 0; round < 400; round++) {
      while (this.pending.length > 0) this.settle(0);
      this.turn();
      this.advance(250);
    }
  }

  #attach(client: CellClient) {
    this.client = client;
    return {
      call: (method: string, request: string | Uint8Array, call: PendingCall) => {
        const text = typeof request === "string" ? request : new TextDecoder().decode(request);
        this.#begin(String(JSON.parse(text).params?.tag), method, call);
      },
      message: (data: string | Uint8Array, call: PendingCall) => {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        this.#begin(text, text.split(" ")[0]!, call);
      },
      allow: (topic: string, asked: Asked["asked"], call: PendingCall) => {
        if (this.cellUp) this.asked.push({ topic, asked, user: this.session.user, call });
        else call.reject(-32004);
      },
      publish: (topic: string, request: string | Uint8Array, call: PendingPublication) => {
        const text = typeof request === "string" ? request : new TextDecoder().decode(request);
        const resolve = () => call.delivered(this.hub.publish("world.v1", topic, new TextEncoder().encode(text)));
        this.#begin(`${topic} ${text}`, "slow", { resolve, reject: (code, data) => call.reject(code, data) });
      },
      identity() {},
      close: () => {
        for (const { call } of this.asked.splice(0)) call.reject(-32004);
        this.#rejectAll();
      },
    };
  }

  #pump(): void {
    this.#pumping = true;
    while (this.#inbox.length > 0 && !this.#paused) {
      const text = this.#inbox.shift()!;
      if (this.closeCode !== undefined || this.finished > 0) continue;
      this.delivered.push(text);
      // The bytes are valid only during the call.
      const bytes = new TextEncoder().encode(text);
      const sink: SocketSink = this.session;
      if (this.#binary) sink.message(bytes, bytes.length);
      else sink.message(text, bytes.length, bytes);
      bytes.fill(0);
    }
    this.#pumping = false;
  }

  #begin(tag: string, method: string, call: PendingCall): void {
    if (!this.cellUp) {
      this.lost++;
      return call.reject(-32004);
    }
    this.begun.push(tag);
    if (method === "now") return resolve(call);
    if (method === "broken") throw new Error("the cell's host broke");
    this.pending.push({ id: tag, call });
    this.mostPending = Math.max(this.mostPending, this.pending.length);
  }

  #rejectAll(): void {
    for (const { call } of this.pending.splice(0)) call.reject(-32004);
  }

  #later(run: () => void, milliseconds: number): () => void {
    const timer = { at: this.clock.time + milliseconds, run };
    this.#timers.push(timer);
    return () => this.#timers = this.#timers.filter((other) => other !== timer);
  }

  #counting(limits: SessionLimits): SessionLimits {
    const call = limits.call.bind(limits);
    limits.call = (method, cost, now) => {
      const verdict = call(method, cost, now);
      if (verdict === null) this.charged++;
      return verdict;
    };
    const release = limits.release.bind(limits);
    limits.release = () => {
      this.released++;
      release();
    };
    return limits;
  }

  #socket() {
    const sent = (text: string) => void (isOpen() && this.sent.push(text));
    const isOpen = () => this.closeCode === undefined && !this.#closed;
    return {
      get open() {
        return isOpen();
      },
      queued: 0,
      sendText: sent,
      sendTextAround: (head: string, body: Uint8Array, tail: string) =>
        sent(head + new TextDecoder().decode(body) + tail),
      sendShared: ({ text }: SharedText) => sent(text),
      pause: () => {
        if (this.#pausable) this.#paused = true;
        return this.#pausable;
      },
      resume: () => {
        this.#paused = false;
        if (!this.#pumping) this.#pump();
      },
      close: (code: number, reason: string) => {
        assert(this.closeCode === undefined, "closed twice");
        this.closeCode = code;
        this.closeReason = reason;
        this.#paused = false;
        if (!this.#pumping) this.#pump();
      },
      terminate() {},
      ping: () => true,
    };
  }
}

function contractOf(kind: "rpc" | "raw", topics: readonly TopicContract[] = [], binary = false): Contract {
  return { kind, binary, methods: METHODS, topics: new Map(topics.map((topic) => [topic.pattern, topic])) };
}

/** As a cell answers: the bytes are valid only during the call. */
function resolve(call: PendingCall): void {
  const bytes = new TextEncoder().encode("true");
  call.resolve(bytes);
  bytes.fill(0);
}
