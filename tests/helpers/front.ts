/** A front with a gate that lets everyone in and echoes, and remembers what happened. */
import { Descriptors } from "../../lib/base/descriptors.ts";
import { frontCapacity } from "../../lib/config/admits.ts";
import type { Config } from "../../lib/config/config.ts";
import { Polls } from "../../lib/timing/polls.ts";
import type { Front } from "../../lib/front/front.ts";
import { startFront } from "../../lib/server/start_front.ts";
import { refusalResponse } from "../../lib/front/http/headers.ts";
import { createRoutes } from "../../lib/front/http/routes.ts";
import type { Accepted, Gate, Handshake, Peer, Refusal, Socket, SocketSink } from "../../lib/gate/gate.ts";
import { createLog } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { sharedCertificate } from "./certificate.ts";
import { RawClient } from "./raw_client.ts";
import { until } from "./until.ts";

/** Changes of the front, its gate and its sessions. */
export interface TestFrontOptions {
  readonly engine?: "edge" | "serve";
  /** Default: true. */
  readonly tls?: boolean;
  readonly server?: Partial<Config["server"]>;
  readonly messages?: Partial<Config["messages"]>;
  /** Connections an address may have at once. */
  readonly perIp?: number;
  readonly banned?: readonly string[];
  readonly suspects?: readonly string[];
  /** In place of accepting every upgrade with the first subprotocol offered. */
  readonly admit?: (handshake: Handshake, peer: Peer, gone: () => boolean) => Promise<Accepted | Refusal>;
  /** Instead of the echo. */
  readonly sink?: (session: Session) => Partial<SocketSink>;
}

/** The events of one connection. */
export class Session {
  readonly events: string[] = [];
  readonly messages: (string | Uint8Array)[] = [];
  closes: { code: number; reason: string }[] = [];

  constructor(readonly socket: Socket, readonly peer: Peer, readonly handshake: Handshake) {}
}

/** A front on a free port with what its gate and sessions have seen. */
export class TestFront implements AsyncDisposable {
  readonly sessions: Session[] = [];
  readonly refusals: { handshake: Handshake | null; peer: Peer; refusal: Refusal }[] = [];
  readonly lines: string[] = [];
  readonly log = createLog({ level: "debug", format: "json", write: (line) => this.lines.push(line) });
  readonly telemetry = new Telemetry();
  /** Places taken by address. */
  readonly inside = new Map<string, number>();
  /** Every address that asked to come in. */
  readonly entered: string[] = [];
  /** The address of every connection without TLS. */
  readonly failed: string[] = [];
  readonly garbage: string[] = [];
  readonly admitted: string[] = [];
  readonly abandoned: Accepted[] = [];
  readonly polls = new Polls();
  /** Its watch is not started: descriptors run short when a test says so. */
  readonly descriptors: Descriptors;
  front!: Front;
  caPem: string | undefined;

  constructor(readonly config: Config) {
    this.descriptors = new Descriptors({ log: this.log, now: () => performance.now() });
  }

  get port(): number {
    return this.front.port;
  }

  /** A client of this front, before any request. */
  connect(): Promise<RawClient> {
    const { unix } = this.config.server;
    if (unix !== undefined) return RawClient.connect({ unix });
    return RawClient.connect({ port: this.port, ...(this.caPem === undefined ? {} : { caCerts: [this.caPem] }) });
  }

  /** A client behind its 101. */
  async open(headers: Record<string, string | null> = {}): Promise<RawClient> {
    const client = await this.connect();
    const response = await client.upgrade("/ws", headers);
    if (response.status !== 101) throw new Error(`Expected 101, got ${response.status} ${response.body}`);
    return client;
  }

  /** Waits until no connection is left. */
  async empty(): Promise<void> {
    await until(() => this.front.connections() === 0 && this.inside.size === 0, "connections to end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front.close();
    this.polls.close();
  }
}

/** The section `server` of the configuration of a test front. */
export const SERVER: Config["server"] = {
  host: "127.0.0.1",
  port: 0,
  path: "/ws",
  engine: "edge",
  max_connections: 1000,
  max_connections_per_ip: 1000,
  max_connections_per_user: 1000,
  handshake_timeout: 5000,
  ping_interval: 20_000,
  idle_timeout: 0,
  max_session: 3_600_000,
  drain_timeout: 1000,
  trusted_proxies: [],
  proxy_protocol: false,
  reuse_port: false,
  fronts: 1,
  send_queue: 256 * 1024,
};

/** Starts a front on a free port. */
export async function startTestFront(options: TestFrontOptions = {}): Promise<TestFront> {
  const server = { ...SERVER, engine: options.engine ?? "edge", ...options.server };
  const messages = { max_bytes: 65_536, max_fragments: 1024, ...options.messages };
  const tls = options.tls === false ? undefined : await sharedCertificate();
  // The sections a front reads; the others are other folders' business.
  const sections = { server, messages, ...(tls === undefined ? {} : { tls: { hsts_max_age: 60_000 } }) };
  const fixture = new TestFront(sections as unknown as Config);
  fixture.caPem = tls?.cert;
  await fixture.polls.open();
  fixture.front = await startFront(fixture.config, gateOf(fixture, options), {
    log: fixture.log,
    telemetry: fixture.telemetry,
    ...(tls === undefined ? {} : { tls }),
    now: () => performance.now(),
    afterInput: fixture.polls.after,
    capacity: frontCapacity(server.max_connections),
    backlog: 511,
    descriptors: fixture.descriptors,
  });
  return fixture;
}

function gateOf(fixture: TestFront, options: TestFrontOptions): Gate {
  const refused: Gate["refused"] = (handshake, peer, refusal) => {
    fixture.refusals.push({ handshake, peer, refusal });
    return refusalResponse(refusal, fixture.config);
  };
  const ticket = () => Promise.resolve(new Response("ticket"));
  const routes = createRoutes({ config: fixture.config, ticket, refused });
  return {
    enter(ip) {
      fixture.entered.push(ip);
      if (options.banned?.includes(ip)) return "banned";
      const count = fixture.inside.get(ip) ?? 0;
      if (count >= (options.perIp ?? Infinity)) return "too_many_connections";
      fixture.inside.set(ip, count + 1);
      return {
        address: ip,
        suspect: options.suspects?.includes(ip) ?? false,
        admitted: () => void fixture.admitted.push(ip),
        leave: () => leave(fixture.inside, ip),
      };
    },
    failed(ip, garbage) {
      fixture.failed.push(ip);
      if (garbage) fixture.garbage.push(ip);
    },
    admit: options.admit ?? acceptAll,
    abandoned: (accepted) => void fixture.abandoned.push(accepted),
    refused,
    http: routes,
    open(socket, _accepted, peer, handshake) {
      const session = new Session(socket, peer, handshake);
      fixture.sessions.push(session);
      const { sink } = options;
      return { ...echo(session), ...sink?.(session) };
    },
  };
}

function leave(inside: Map<string, number>, ip: string): void {
  const left = (inside.get(ip) ?? 0) - 1;
  if (left < 0) throw new Error(`${ip} left twice`);
  if (left === 0) inside.delete(ip);
  else inside.set(ip, left);
}

/** Admits each handshake with the first subprotocol that it offers. */
// deno-lint-ignore require-await -- the gate's signature
export async function acceptAll(handshake: Handshake): Promise<Accepted | Refusal> {
  if (handshake.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return { accepted: false, status: 426, reason: "upgrade_required", headers: { "Upgrade": "websocket" } };
  }
  const offered = handshake.headers.get("sec-websocket-protocol");
  const identity = { user: "ada", roles: [], claims: {}, expiresAt: Infinity, issuedAt: 0 };
  return { accepted: true, identity, subprotocol: offered?.split(",")[0]?.trim() ?? null };
}

function echo(session: Session): SocketSink {
  return {
    message(data) {
      if (typeof data === "string") session.socket.sendText(data);
      else session.socket.sendBinary(data);
    },
    control: (kind, bytes) => void session.events.push(`${kind} ${bytes}`),
    finish: (done) => done(),
    failed: (reason) => void session.events.push(`failed ${reason}`),
    closed: (code, reason) => void session.closes.push({ code, reason }),
  };
}

/** An upgrade request head with these lines instead of, or after, the usual ones. */
export function upgradeHead(lines: readonly string[] = [], requestLine = "GET /ws HTTP/1.1"): string {
  return [
    requestLine,
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...lines,
    "",
    "",
  ].join("\r\n");
}
