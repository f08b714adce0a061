/**
 * Engine `edge`: our own accept loop, deadlines and framing.
 *
 * ```text
 * accept ─▶ cap, ban ─▶ [PROXY header] ─▶ TLS ─▶ request head ─▶ gate ─▶ 101 ─▶ frames
 * edge.ts               proxy_stage.ts   connection.ts  handshake.ts         edge_socket.ts, incoming.ts
 * ```
 *
 * The expensive steps before the 101, and the discarding of input at the end, go through a {@linkcode Turnstile}.
 *
 * **Memory bound.** Whatever a peer sends, one connection holds at most
 *
 * ```text
 *   messages.max_bytes + DECODER_OVERHEAD_BYTES   an incomplete message (before the 101: MAX_HEAD_BYTES instead)
 * + READ_BUFFER_BYTES                             the chunk being read, or its rest during a pause
 * + server.send_queue                       above it the session closes with `slow_consumer`
 * + WRITE_SLICE_BYTES                             the platform's copy of the data being written
 * ```
 *
 * plus the platform's memory for a socket and its TLS keys (about 25 KB; without TLS, a paused socket holds one more
 * READ_BUFFER_BYTES). The bound depends on pausing the raw socket, see {@linkcode EdgeConnection.pause}.
 */

import type { Socket as NetSocket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Descriptors } from "../../base/descriptors.ts";
import { Listener } from "../../base/listener.ts";
import type { Config } from "../../config/config.ts";
import type { Gate, UnansweredReason } from "../../gate/gate.ts";
import { type AddressMatcher, addressMatcher, normaliseAddress } from "../forwarded.ts";
import type { Front, FrontDeps } from "../front.ts";
import type { TlsMaterial } from "../../tls/tls_files.ts";
import { EdgeConnection } from "./connection.ts";
import { type EdgeContext, ENDING_TIMEOUT_MS, FINISHING_TIMEOUT_MS } from "./context.ts";
import { DeadlineQueue } from "../../timing/deadline_queue.ts";
import { Flusher } from "./flusher.ts";
import { HandshakeStage, type TcpPeer } from "./handshake.ts";
import type { ProxyHeader } from "./proxy_protocol.ts";
import { type ProxyHost, ProxyStage } from "./proxy_stage.ts";
import { secureContextOf } from "../../tls/tls_context.ts";
import { Bustle, Pause, Turnstile } from "../../timing/turnstile.ts";

/** Minimum time between two TLS handshakes while sessions are active, in ms. Each takes most of one. */
const TLS_GAP_MS = 3;

/**
 * Minimum time between two TLS handshakes of suspects ({@linkcode AddressPermit.suspect}) while sessions are active, in ms. A
 * flood from one address gets a seventh of the capacity.
 */
const SUSPECT_GAP_MS = 20;

/**
 * Minimum time between two closed connections while sessions are active, in ms, and maximum number of connections that
 * wait for it.
 */
const REFUSAL_GAP_MS = 1;
const REFUSAL_ROOM = 256;

/** The address of a peer on a unix socket until it forwards one. */
const LOCAL_PEER = "127.0.0.1";

/**
 * Starts the edge on `server.host` and `server.port`, or on `server.unix`.
 *
 * @throws {Error} if the address can't be bound or the TLS material is unusable
 */
export async function startEdge(config: Config, gate: Gate, deps: FrontDeps): Promise<Front> {
  const edge = new Edge(config, gate, deps);
  await edge.start();
  return edge;
}

class Edge implements Front, ProxyHost {
  readonly #context: EdgeContext;
  readonly #gate: Gate;
  readonly #trusted: AddressMatcher;
  readonly #listener: Listener;
  readonly #local: boolean;
  /** Connections above this number are closed without TLS. Up to it they can be answered `server_full`. */
  readonly #capacity: number;
  readonly #backlog: number;
  readonly #descriptors: Descriptors;
  readonly #connections = new Set<EdgeConnection>();
  /** Connections that wait to be closed. */
  readonly #refused = new Set<{ destroy(): unknown }>();
  readonly #left = (connection: EdgeConnection): void => {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#emptied?.();
  };
  readonly #tlsPause = new Pause(TLS_GAP_MS);
  readonly #suspectPause = new Pause(SUSPECT_GAP_MS);
  readonly #refusalPause = new Pause(REFUSAL_GAP_MS);
  #secureContext: SecureContext | null;
  #emptied: (() => void) | undefined;

  constructor(config: Config, gate: Gate, deps: FrontDeps) {
    const { handshake_timeout, trusted_proxies } = config.server;
    this.#gate = gate;
    this.#trusted = addressMatcher(trusted_proxies);
    this.#local = config.server.unix !== undefined;
    this.#descriptors = deps.descriptors;
    this.#capacity = deps.capacity;
    this.#backlog = deps.backlog;
    this.#secureContext = deps.tls === undefined ? null : secureContextOf(deps.tls);
    const bustle = new Bustle(deps.now);
    this.#context = {
      config,
      gate,
      log: deps.log,
      telemetry: deps.telemetry,
      secure: deps.tls !== undefined,
      trusted: this.#trusted,
      handshakes: new DeadlineQueue(handshake_timeout, deps.now),
      finishings: new DeadlineQueue(FINISHING_TIMEOUT_MS, deps.now),
      endings: new DeadlineQueue(ENDING_TIMEOUT_MS, deps.now),
      flusher: new Flusher(),
      turnstiles: {
        tls: new Turnstile(bustle, this.#tlsPause.after, handshake_timeout / 2 / TLS_GAP_MS),
        suspects: new Turnstile(bustle, this.#suspectPause.after, handshake_timeout / 2 / SUSPECT_GAP_MS),
        admission: new Turnstile(bustle, deps.afterInput),
        drain: new Turnstile(bustle, deps.afterInput),
        refusal: new Turnstile(bustle, this.#refusalPause.after, REFUSAL_ROOM),
      },
      bustle,
    };
    this.#listener = new Listener({
      accept: (socket) => this.#accept(socket),
      failed: (error) => deps.log.error("front.accept_failed", { error }),
      short: () => deps.descriptors.short,
    });
  }

  start(): Promise<void> {
    return this.#listener.start({ ...this.#context.config.server, backlog: this.#backlog });
  }

  get port(): number {
    return this.#listener.port;
  }

  connections(): number {
    return this.#connections.size;
  }

  accepts(): Promise<boolean> {
    return this.#listener.accepts();
  }

  stopAccepting(): Promise<void> {
    this.#listener.stop();
    return Promise.resolve();
  }

  reloadTls(tls: TlsMaterial): Promise<void> {
    try {
      if (this.#secureContext !== null) this.#secureContext = secureContextOf(tls);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<void> {
    await this.stopAccepting();
    this.#tlsPause.stop();
    this.#suspectPause.stop();
    this.#refusalPause.stop();
    for (const socket of this.#refused) socket.destroy();
    if (this.#connections.size === 0) return;
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    for (const connection of this.#connections) connection.destroy();
    await emptied;
  }

  #accept(socket: NetSocket): void {
    const ip = this.#local ? LOCAL_PEER : normaliseAddress(socket.remoteAddress ?? "");
    // Without an address the peer has already disconnected.
    if (ip === null) return void socket.destroy();
    // Connections that wait to be closed hold a descriptor too.
    if (this.#connections.size + this.#refused.size >= this.#capacity || this.#descriptors.short) {
      this.#listener.crowded();
      return this.#refuse(unheard(socket), ip, "server_full");
    }

    const trusted = this.#local || this.#trusted(ip);
    const permit = trusted ? null : this.#gate.enter(ip);
    if (typeof permit === "string") return this.#turnAway(unheard(socket), ip, permit);
    const connection = new EdgeConnection(socket, permit, this.#left);
    this.#connections.add(connection);
    if (trusted && this.#context.config.server.proxy_protocol === true) {
      const stage = new ProxyStage(this, connection, ip);
      this.#context.handshakes.start(stage);
      connection.stage = stage;
      connection.open();
    } else {
      this.#begin(connection, { ip, forwarded: false, shared: trusted, believed: trusted });
    }
  }

  /** Closes without an answer. The rate is limited, because a flooding client reconnects immediately. */
  #turnAway(socket: { destroy(): unknown }, ip: string, reason: UnansweredReason): void {
    const { refusal } = this.#context.turnstiles;
    if (refusal.full(ip)) return this.#refuse(socket, ip, reason);
    this.#refused.add(socket);
    refusal.pass(ip, () => this.#refuse(socket, ip, reason));
  }

  /** Like {@linkcode #turnAway}; input is not read until then. */
  #hold(connection: EdgeConnection, ip: string, reason: UnansweredReason): void {
    connection.stage = null;
    connection.hold();
    this.#turnAway(connection, ip, reason);
  }

  /** Before TLS no answer is possible. */
  #refuse(socket: { destroy(): unknown }, ip: string, reason: UnansweredReason): void {
    this.#refused.delete(socket);
    socket.destroy();
    this.#context.telemetry.handshake("rejected", reason);
    this.#context.log.info("handshake.rejected", { ip, origin: null, reason, status: null });
  }

  #begin(connection: EdgeConnection, tcpPeer: TcpPeer, rest?: Uint8Array): void {
    const { tls, suspects } = this.#context.turnstiles;
    const suspect = connection.permit?.suspect ?? false;
    const { address } = connection;
    if (this.#secureContext !== null && (tls.full(address) || (suspect && suspects.full(address)))) {
      return this.#hold(connection, tcpPeer.ip, "overloaded");
    }
    const stage = new HandshakeStage(this.#context, connection, tcpPeer, (hello) => {
      connection.secure(this.#secureContext!, hello);
    });
    this.#context.handshakes.start(stage);
    connection.stage = stage;
    if (this.#secureContext === null) return connection.open(rest);
    const begin = () =>
      tls.pass(address, () => {
        if (stage.begin()) connection.open(rest);
      });
    if (suspect) suspects.pass(address, begin);
    else begin();
    if (stage.waiting) connection.hold();
  }

  announced(stage: ProxyStage, header: ProxyHeader, rest: Uint8Array): void {
    this.gone(stage);
    const { connection } = stage;
    const { client } = header;
    // A proxy that forwards bytes adds no header, so an X-Forwarded-For is the client's own.
    if (client === null) {
      return this.#begin(connection, { ip: stage.proxy, forwarded: false, shared: true, believed: false }, rest);
    }
    const permit = this.#gate.enter(client);
    if (typeof permit === "string") return this.#hold(connection, client, permit);
    connection.permit = permit;
    this.#begin(connection, { ip: client, forwarded: true, shared: false, believed: false }, rest);
  }

  rejected(stage: ProxyStage, reason: "bad_request" | "timeout"): void {
    this.#refuse(stage.connection, stage.proxy, reason);
  }

  gone(stage: ProxyStage): void {
    this.#context.handshakes.stop(stage);
  }
}

/** Adds an empty error listener, without which an error here would be uncaught. */
function unheard(socket: NetSocket): NetSocket {
  return socket.on("error", () => {});
}
