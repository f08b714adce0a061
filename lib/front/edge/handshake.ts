/**
 * The stage from accept to the 101 or a refusal: TLS, request head, admission and answer within `handshake_timeout`.
 */

import { type Accepted, type Handshake, type Peer, type Refusal, refuse } from "../../gate/gate.ts";
import { acceptKey } from "../../websocket/websocket.ts";
import { clientAddress } from "../forwarded.ts";
import { internalError, securityHeaders } from "../http/headers.ts";
import type { EdgeConnection, Stage } from "./connection.ts";
import type { EdgeContext } from "./context.ts";
import type { Expiring } from "../../timing/deadline_queue.ts";
import { Drain } from "./drain.ts";
import { EdgeSocket } from "./edge_socket.ts";
import { HeadReader, type RequestHead } from "./request_head.ts";
import { serialiseResponse, serialiseUpgrade } from "./response.ts";

/**
 * waiting: queued before the TLS handshake. greeting: awaiting the first bytes. securing: TLS handshake. reading:
 * receiving the request head. judging: the gate decides; reading is paused. answering: the refusal is being written and
 * input is discarded. over: the socket has another stage, or has ended.
 */
type HandshakeState = "waiting" | "greeting" | "securing" | "reading" | "judging" | "answering" | "over";

/** Maximum number of bytes read from a refused peer, such as the body of its request, before it is cut. */
const MAX_READ_AFTER_REFUSAL_BYTES = 256 * 1024;

/** The other end of the TCP connection. */
export interface TcpPeer {
  /** Normalised address of the socket, or from the PROXY protocol. */
  readonly ip: string;
  /** Whether `ip` is from the PROXY protocol. */
  readonly forwarded: boolean;
  /** Whether `ip` is a proxy's own address, so that an offence may be another client's. */
  readonly shared: boolean;
  /** Whether its forwarding headers are trusted. */
  readonly believed: boolean;
}

/** First byte of a TLS record with a ClientHello (RFC 8446 5.1). */
const TLS_HANDSHAKE = 0x16;

/** The platform's error for data that is not TLS. */
const CORRUPT_TLS = "ERR_SSL_WRONG_VERSION_NUMBER";

/**
 * Whether a page can make a browser send these bytes to a port of its choice: a plain HTTP request, or STUN (RFC 8489
 * section 5: two zero bits first).
 */
function fromBrowser(first: Uint8Array): boolean {
  const byte = first[0] ?? 0;
  return (byte >= 0x41 && byte <= 0x5a) || byte <= 0x03;
}

const BEFORE_HEAD: ReadonlySet<HandshakeState> = new Set(["greeting", "securing", "reading"]);

export class HandshakeStage implements Stage, Expiring {
  readonly #context: EdgeContext;
  readonly #connection: EdgeConnection;
  readonly #tcpPeer: TcpPeer;
  readonly #secure: (hello: Uint8Array) => void;
  #peer: Peer;
  #state: HandshakeState;
  #handshake: Handshake | null = null;
  readonly #reader = new HeadReader();
  /** Bytes after the head: the first frames, if there is a 101. */
  #rest: Uint8Array | null = null;
  #ended = false;
  #drain: Drain | null = null;

  /** @param secure starts TLS with the first bytes; called once, where the context is `secure` */
  constructor(context: EdgeContext, connection: EdgeConnection, tcpPeer: TcpPeer, secure: (hello: Uint8Array) => void) {
    this.#context = context;
    this.#connection = connection;
    this.#tcpPeer = tcpPeer;
    this.#secure = secure;
    this.#peer = { ip: tcpPeer.ip, secure: context.secure, forwarded: tcpPeer.forwarded };
    this.#state = context.secure ? "waiting" : "reading";
  }

  /** Whether the TLS handshake is still queued. */
  get waiting(): boolean {
    return this.#state === "waiting";
  }

  /** Starts the TLS handshake; false when it is too late. */
  begin(): boolean {
    if (this.#state !== "waiting") return false;
    this.#state = "greeting";
    return true;
  }

  secured(): void {
    if (this.#state === "securing") this.#state = "reading";
  }

  received(chunk: Uint8Array): void {
    switch (this.#state) {
      case "greeting":
        return this.#greet(chunk);
      case "securing":
      case "reading":
        return this.#read(chunk);
      case "judging":
        // Reading is paused; this is the rest of one read buffer.
        if (this.#rest !== null && this.#rest.length > 0) return this.#connection.destroy();
        this.#rest = chunk;
        return;
      case "answering":
        if (this.#drain?.received(chunk.length, MAX_READ_AFTER_REFUSAL_BYTES) === false) this.#connection.destroy();
    }
  }

  written(): void {}

  ended(): void {
    this.#ended = true;
    if (BEFORE_HEAD.has(this.#state)) this.#connection.destroy();
  }

  closed(detail: string): void {
    if (this.#state === "greeting" || this.#state === "securing") {
      this.#insecure("tls_failed", detail === CORRUPT_TLS);
      this.#context.log.debug("tls.failed", { ip: this.#tcpPeer.ip, detail });
    }
    this.#state = "over";
    this.#context.handshakes.stop(this);
    this.#context.endings.stop(this);
  }

  /** Called at the deadline of the handshake, later at that of the answer. */
  expired(): void {
    if (this.#state === "reading" || this.#state === "judging") {
      return this.#refuse(refuse("timeout"));
    }
    if (this.#state === "greeting" || this.#state === "securing") this.#insecure("timeout", false);
    // The wait is not the client's fault.
    if (this.#state === "waiting") this.#unanswered("timeout");
    this.#state = "over";
    this.#connection.destroy();
  }

  /** Starts TLS, unless the first bytes are not TLS. */
  #greet(hello: Uint8Array): void {
    if (hello[0] === TLS_HANDSHAKE) {
      this.#state = "securing";
      return this.#secure(hello);
    }
    this.#insecure("tls_failed", !fromBrowser(hello));
    this.#context.log.debug("tls.failed", { ip: this.#tcpPeer.ip, detail: "Not TLS" });
    this.#state = "over";
    this.#connection.destroy();
  }

  /** Handles a failed TLS handshake. */
  #insecure(reason: "tls_failed" | "timeout", garbage: boolean): void {
    // Clients that disconnect, or do not trust the certificate, are not logged one by one.
    if (reason === "timeout" || garbage) this.#unanswered(reason);
    else this.#context.telemetry.handshake("rejected", reason);
    if (!this.#tcpPeer.shared) this.#context.gate.failed(this.#tcpPeer.ip, garbage);
  }

  /** Ends a connection without TLS. */
  #unanswered(reason: "tls_failed" | "timeout"): void {
    this.#context.telemetry.handshake("rejected", reason);
    this.#context.log.info("handshake.rejected", { ip: this.#tcpPeer.ip, origin: null, reason, status: null });
  }

  #read(chunk: Uint8Array): void {
    const consumed = this.#reader.push(chunk);
    const { head, failure } = this.#reader;
    if (failure !== null) return this.#refuse(refuse(failure.reason, failure));
    if (head === null) return;
    this.#rest = consumed < chunk.length ? chunk.subarray(consumed) : null;
    this.#state = "judging";
    this.#connection.pause();
    this.#judge(head).catch((error) => this.#failed(error));
  }

  async #judge(head: RequestHead): Promise<void> {
    const { config, gate } = this.#context;
    this.#peer = this.#seen(head.headers);
    const url = URL.parse(`${this.#peer.secure ? "https" : "http"}://${head.host}${head.target}`);
    // Valid by syntax but no hosts: 256.1.1.1, [:::], a:65536.
    if (url === null) return this.#refuse(refuse("bad_request", { detail: "Host is invalid" }));
    // A path with dot segments may have been interpreted differently by a proxy.
    if (url.pathname !== head.target.split("?", 1)[0]) {
      return this.#refuse(refuse("bad_request", { detail: "Path is not normalised" }));
    }
    const handshake: Handshake = { method: head.method, url, headers: head.headers };
    this.#handshake = handshake;

    if (this.#connection.permit === null) {
      const permit = gate.enter(this.#peer.ip);
      if (typeof permit === "string") return this.#refuse(refuse(permit));
      this.#connection.permit = permit;
    }
    if (url.pathname !== config.server.path) return this.#answerRoute(head, url);

    await new Promise<void>((go) => this.#context.turnstiles.admission.pass(this.#connection.address, go));
    if (this.#state !== "judging") return;
    const decision = await gate.admit(handshake, this.#peer, () => this.#gone);
    if (decision.accepted && this.#gone) {
      gate.abandoned(decision);
      if (this.#state === "judging") this.#connection.destroy();
      return;
    }
    if (this.#state !== "judging") return;
    if (!decision.accepted) return this.#refuse(decision);
    this.#upgrade(decision, handshake);
  }

  /** Whether the deadline has passed or the client has disconnected. */
  get #gone(): boolean {
    return this.#state !== "judging" || this.#ended;
  }

  #seen(headers: Headers): Peer {
    if (!this.#tcpPeer.believed) return this.#peer;
    const { secure, trusted } = this.#context;
    const { ip, forwarded } = clientAddress(headers.get("x-forwarded-for"), this.#tcpPeer.ip, trusted, true);
    return {
      ip,
      secure: secure || headers.get("x-forwarded-proto")?.toLowerCase() === "https",
      forwarded: forwarded || this.#tcpPeer.forwarded,
    };
  }

  async #answerRoute(head: RequestHead, url: URL): Promise<void> {
    let request: Request;
    try {
      request = new Request(url, { method: head.method, headers: head.headers });
    } catch {
      // Methods that a Request object can't have: CONNECT, TRACE, TRACK.
      return this.#refuse(refuse("method_not_allowed"));
    }
    const response = await this.#context.gate.http(request, this.#peer);
    if (this.#state === "judging") await this.#answer(response);
  }

  #refuse(refusal: Refusal): void {
    this.#answer(this.#context.gate.refused(this.#handshake, this.#peer, refusal)).catch((error) =>
      this.#failed(error)
    );
  }

  /** Writes the answer and ends our side. The peer has until the deadline of endings to read it. */
  async #answer(response: Response): Promise<void> {
    this.#state = "answering";
    this.#rest = null;
    this.#context.handshakes.stop(this);
    this.#context.endings.start(this);
    const bytes = await serialiseResponse(response, this.#handshake?.method === "HEAD");
    if (this.#state !== "answering") return;
    this.#connection.write(bytes);
    this.#connection.end();
    this.#drain = new Drain(this.#connection, this.#context.turnstiles.drain);
    this.#connection.resume();
  }

  #upgrade(accepted: Accepted, handshake: Handshake): void {
    const { config, gate, handshakes } = this.#context;
    const key = handshake.headers.get("sec-websocket-key") ?? "";
    this.#state = "over";
    handshakes.stop(this);
    this.#connection.permit?.admitted();
    this.#connection.write(serialiseUpgrade(acceptKey(key), accepted.subprotocol, securityHeaders(config)));
    const socket = new EdgeSocket(this.#context, this.#connection);
    this.#connection.stage = socket;
    const rest = this.#rest;
    this.#rest = null;
    socket.start(gate.open(socket, accepted, this.#peer, handshake), rest);
  }

  /** The gate threw against its contract: the client gets no detail, the log does. */
  #failed(error: unknown): void {
    this.#context.log.error("front.gate_failed", { error });
    if (this.#state !== "judging") return this.#connection.destroy();
    this.#answer(internalError(this.#context.config)).catch(() => this.#connection.destroy());
  }
}
