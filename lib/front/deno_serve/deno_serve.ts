/**
 * Engine `serve`: `Deno.serve` with native TLS and `Deno.upgradeWebSocket`.
 *
 * The platform does not let this code limit: HTTP/2, time and size of the request head, caps before TLS, the size of a
 * message while it arrives (only whole messages are judged), control frames, reading (no pause), and requests that are
 * pipelined behind a refusal. The listener can't be replaced or stopped alone, because ending it also closes the open
 * WebSockets (Deno 2.9): a new certificate needs a restart, and while draining, new upgrades are refused instead.
 */

import { connect } from "node:net";
import { dialable } from "../../base/listener.ts";
import type { Config } from "../../config/config.ts";
import { type Accepted, type AddressPermit, type Gate, type Handshake, type Peer, refuse } from "../../gate/gate.ts";
import { type AddressMatcher, addressMatcher, clientAddress, normaliseAddress } from "../forwarded.ts";
import type { Front, FrontDeps } from "../front.ts";
import type { TlsMaterial } from "../../tls/tls_files.ts";
import { isHost, isOriginForm } from "../edge/request_head.ts";
import { internalError, securityHeaders } from "../http/headers.ts";
import { ServeSocket } from "./serve_socket.ts";

const DRAINING = refuse("draining", { retryAfter: 1 });

/** Time before listening again, and lifetime of the result of {@linkcode isOpen}. */
const RELISTEN_MS = 100;
const PROBE_TTL_MS = 1_000;
const PROBE_TIMEOUT_MS = 500;

/**
 * Starts `Deno.serve` on `server.host` and `server.port`.
 *
 * @throws {Error} if the address can't be bound or the TLS material is unusable
 */
export function startServe(config: Config, gate: Gate, deps: FrontDeps): Promise<Front> {
  // deno-lint-ignore require-await -- turns what Deno.serve throws into a rejection
  return (async () => new ServeFront(config, gate, deps))();
}

class ServeFront implements Front {
  readonly port: number;
  readonly #config: Config;
  readonly #gate: Gate;
  readonly #deps: FrontDeps;
  readonly #trusted: AddressMatcher;
  readonly #sockets = new Set<ServeSocket>();
  #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();
  #requests = 0;
  #stopped = false;
  #closed = false;
  #relisten: ReturnType<typeof setTimeout> | undefined;
  #probed: { readonly at: number; readonly accepted: Promise<boolean> } | null = null;

  constructor(config: Config, gate: Gate, deps: FrontDeps) {
    this.#config = config;
    this.#gate = gate;
    this.#deps = deps;
    this.#trusted = addressMatcher(config.server.trusted_proxies);
    this.#server = this.#listen(config.server.port);
    this.port = this.#server.addr.port;
  }

  #listen(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { tls } = this.#deps;
    const server = Deno.serve(
      {
        hostname: this.#config.server.host,
        port,
        ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key }),
        signal: this.#abort.signal,
        onListen: () => {},
        onError: (error) => this.#internal(error),
      },
      (request, info) => this.#handle(request, info),
    );
    server.finished.catch((error) => this.#lost(error));
    return server;
  }

  /** The platform closes its listener when it can't accept for lack of a descriptor. Open connections stay. */
  #lost(error: unknown): void {
    if (this.#closed) return;
    this.#deps.log.error("front.accept_failed", { error });
    this.#deps.descriptors.exhausted("front");
    this.#listenAgain();
  }

  /**
   * Listens again when there are descriptors. Until then the port refuses connections, which leaves descriptors to open
   * sessions.
   */
  #listenAgain(): void {
    this.#relisten = setTimeout(() => {
      if (this.#deps.descriptors.short) return this.#listenAgain();
      try {
        this.#server = this.#listen(this.port);
      } catch (error) {
        this.#deps.log.error("front.accept_failed", { error });
        this.#listenAgain();
      }
    }, RELISTEN_MS);
  }

  accepts(): Promise<boolean> {
    const now = this.#deps.now();
    if (this.#probed === null || now - this.#probed.at >= PROBE_TTL_MS) {
      this.#probed = { at: now, accepted: isOpen(dialable(this.#config.server.host), this.port) };
    }
    return this.#probed.accepted;
  }

  connections(): number {
    return this.#requests + this.#sockets.size;
  }

  stopAccepting(): Promise<void> {
    this.#stopped = true;
    return Promise.resolve();
  }

  reloadTls(_tls: TlsMaterial): Promise<void> {
    return Promise.reject(new Error("Cannot replace the certificate: engine serve keeps the one it was started with"));
  }

  async close(): Promise<void> {
    this.#stopped = this.#closed = true;
    clearTimeout(this.#relisten);
    for (const socket of this.#sockets) socket.terminate();
    this.#abort.abort();
    await this.#server.finished.catch(() => {});
  }

  async #handle(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    this.#requests++;
    try {
      return await this.#answer(request, info.remoteAddr.hostname);
    } catch (error) {
      return this.#internal(error);
    } finally {
      this.#requests--;
    }
  }

  async #answer(request: Request, address: string): Promise<Response> {
    const peer = this.#peer(request.headers, address);
    const headers = headersWithHost(request);
    const url = this.#url(request, headers.get("host"));
    if (typeof url === "string") return this.#gate.refused(null, peer, refuse("bad_request", { detail: url }));
    const handshake: Handshake = { method: request.method, url, headers };
    const permit = this.#gate.enter(peer.ip);
    if (typeof permit === "string") return this.#gate.refused(handshake, peer, refuse(permit));
    let kept = false;
    try {
      if (handshake.url.pathname !== this.#config.server.path) return await this.#gate.http(request, peer);
      const decision = this.#stopped ? DRAINING : await this.#gate.admit(handshake, peer, () => request.signal.aborted);
      if (!decision.accepted) return this.#gate.refused(handshake, peer, decision);
      const upgrade = this.#upgrade(request, decision.subprotocol);
      if (upgrade === null) {
        this.#gate.abandoned(decision);
        return this.#gate.refused(handshake, peer, refuse("bad_request"));
      }
      kept = true;
      this.#attach(upgrade.socket, decision, peer, handshake, permit);
      return upgrade.response;
    } finally {
      if (!kept) permit.leave();
    }
  }

  /**
   * The request's URL, or the reason of the refusal. The platform builds the URL from `Host` and target as they are.
   */
  #url(request: Request, host: string | null): URL | string {
    if (host === null || !isHost(host)) return "Host is missing or invalid";
    const root = `${this.#deps.tls === undefined ? "http" : "https"}://${host}`;
    const target = request.url.slice(root.length);
    if (!request.url.startsWith(root) || !isOriginForm(target)) return "Request target is not in origin-form";
    const url = URL.parse(request.url);
    // Valid by syntax but no hosts: 256.1.1.1, [:::], a:65536.
    if (url === null) return "Host is invalid";
    return url.pathname === target.split("?", 1)[0] ? url : "Path is not normalised";
  }

  #peer(headers: Headers, address: string): Peer {
    const ip = normaliseAddress(address) ?? address;
    const client = clientAddress(headers.get("x-forwarded-for"), ip, this.#trusted);
    const secure = this.#deps.tls !== undefined ||
      (this.#trusted(ip) && headers.get("x-forwarded-proto")?.toLowerCase() === "https");
    return { ...client, secure };
  }

  /** Upgrades the request; null when the platform finds it not upgradable. */
  #upgrade(request: Request, subprotocol: string | null): Deno.WebSocketUpgrade | null {
    // The platform pings at this interval and closes without an answer. It counts in whole seconds.
    const idleTimeout = Math.max(1, Math.ceil(this.#config.server.ping_interval / 1000));
    try {
      const upgrade = Deno.upgradeWebSocket(request, { idleTimeout });
      // The platform's `protocol` option refuses an offer without a space after the comma.
      if (subprotocol !== null) upgrade.response.headers.set("sec-websocket-protocol", subprotocol);
      for (const [name, value] of Object.entries(securityHeaders(this.#config))) {
        upgrade.response.headers.set(name, value);
      }
      return upgrade;
    } catch (error) {
      this.#deps.log.debug("front.upgrade_failed", { error });
      return null;
    }
  }

  #attach(web: WebSocket, accepted: Accepted, peer: Peer, handshake: Handshake, permit: AddressPermit): void {
    const socket = new ServeSocket(web, this.#config.messages.max_bytes, this.#deps.log, () => {
      this.#sockets.delete(socket);
      // No effect if the connection has been open.
      this.#gate.abandoned(accepted);
      permit.leave();
    });
    this.#sockets.add(socket);
    socket.start(() => {
      permit.admitted();
      return this.#gate.open(socket, accepted, peer, handshake);
    });
  }

  #internal(error: unknown): Response {
    this.#deps.log.error("front.gate_failed", { error });
    return internalError(this.#config);
  }
}

/** Fields of HTTP/1.1 that are malformed in HTTP/2 (RFC 9113 8.2.2). The platform passes none of them through. */
const HTTP1_FIELDS = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] as const;

/**
 * The headers of a request, with the authority of an HTTP/2 request as `Host`. Browsers use HTTP/2 whenever TLS offers
 * it, and send no `Host` then. The platform does not expose the version: a request without `Host` that has headers, but
 * none specific to HTTP/1.1, is taken for HTTP/2.
 */
function headersWithHost({ headers, url }: Request): Headers {
  const http2 = !headers.has("host") && !headers.keys().next().done && !HTTP1_FIELDS.some((name) => headers.has(name));
  const authority = http2 ? /^https?:\/\/([^/?#]*)/.exec(url)?.[1] : undefined;
  if (authority === undefined) return headers;
  const whole = new Headers(headers);
  whole.set("host", authority);
  return whole;
}

/** Whether the port accepts connections: after a shortage of descriptors the listener is closed. */
function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS });
  const done = (open: boolean) => {
    socket.destroy();
    resolve(open);
  };
  socket.on("connect", () => done(true)).on("error", () => done(false)).on("timeout", () => done(false));
  return promise;
}
