/**
 * The types shared by front, admission and session: a peer and its handshake, the decision on it, the open socket and
 * its session.
 */
import type { SharedText } from "../websocket/websocket.ts";
import type { Identity } from "./identity.ts";
import type { CloseReason } from "./outcomes.ts";
import type { Refusal } from "./refusal.ts";

export type { Identity, Verified } from "./identity.ts";
export {
  type Close,
  closeFor,
  type CloseReason,
  CLOSES,
  type Reason,
  REASONS,
  REFUSALS,
  type UnansweredReason,
} from "./outcomes.ts";
export { type Refusal, type RefusalExtras, refuse, retrySeconds } from "./refusal.ts";

/** The TCP peer, or the client behind a trusted proxy. */
export interface Peer {
  /** Normalised address (IPv4-mapped IPv6 as IPv4); behind a trusted proxy, the forwarded address. */
  readonly ip: string;
  /** Whether the client uses TLS, to this server or to a trusted proxy that says so (`X-Forwarded-Proto: https`). */
  readonly secure: boolean;
  /** Whether `ip` was forwarded by a trusted proxy. */
  readonly forwarded: boolean;
}

/** The request head as both engines provide it. */
export interface Handshake {
  /** As sent, case-sensitive. */
  readonly method: string;
  /** Scheme from the listener, authority from `Host`, path and query from the request target. */
  readonly url: URL;
  readonly headers: Headers;
}

/** The upgrade is granted. */
export interface Accepted {
  readonly accepted: true;
  readonly identity: Identity;
  /** Echoed in the 101; null when the client offered none. */
  readonly subprotocol: string | null;
}

/** The result of {@linkcode Gate.enter} for an address that may connect. */
export interface AddressPermit {
  /** The address as limits count it: an IPv6 address by its /64. */
  readonly address: string;
  /**
   * The address is banned or has used up its handshakes. A valid credential is still accepted, but its TLS handshake
   * comes after those of other addresses.
   */
  readonly suspect: boolean;
  /** The connection has become a session. */
  admitted(): void;
  /** Returns the place. Called exactly once, when the connection has ended. */
  leave(): void;
}

/** The server as a front sees it. No method throws; promises never reject. */
export interface Gate {
  /**
   * Checks cap and ban of the address. Called at TCP accept, before TLS (`edge`, unless the peer is a trusted proxy),
   * otherwise once the request head is read.
   */
  enter(ip: string): AddressPermit | "banned" | "too_many_connections";
  /**
   * Judges a request for `server.path`: upgrade headers, then admission in the order of the contract. After an accept
   * follows either {@linkcode Gate.open} or, when the peer has disconnected, {@linkcode Gate.abandoned}.
   *
   * @param gone whether the peer has disconnected; the remaining checks are then skipped
   */
  admit(handshake: Handshake, peer: Peer, gone: () => boolean): Promise<Accepted | Refusal>;
  /** The accepted connection ended before it was open. */
  abandoned(accepted: Accepted): void;
  /**
   * Logs and counts a refusal and builds its response. `handshake` is null when no head could be parsed (400, 408,
   * 431). Malformed requests (400 `bad_request`, 431) are offences of the address unless they are `blameless`.
   */
  refused(handshake: Handshake | null, peer: Peer, refusal: Refusal): Response;
  /**
   * The connection failed before the request (TLS error or timeout). `garbage`: the input was neither TLS nor anything
   * that a browser can be made to send.
   */
  failed(ip: string, garbage: boolean): void;
  /** Handles every request that is not for `server.path`. On `edge` it has no body. */
  http(request: Request, peer: Peer): Promise<Response>;
  /** A connection is open. Called once the 101 is written; may send immediately. */
  open(socket: Socket, accepted: Accepted, peer: Peer, handshake: Handshake): SocketSink;
}

/** An open WebSocket connection as a session sees it. */
export interface Socket {
  /** False from the first step of closing on; sending is then a no-op. */
  readonly open: boolean;
  sendText(text: string): void;
  /** A text of `head`, `body` and `tail`. `body` is UTF-8, valid only during the call; `tail` is ASCII. */
  sendTextAround(head: string, body: Uint8Array, tail: string): void;
  sendBinary(data: Uint8Array): void;
  /** One message for many sockets, encoded once. */
  sendShared(message: SharedText): void;
  /** Bytes queued in this process, not yet in the kernel. */
  readonly queued: number;
  /** Bytes passed to the kernel since the connection began (`edge` only, else 0). */
  readonly taken: number;
  /** Sends a ping. False where the platform sends pings itself (`serve`). */
  ping(): boolean;
  /**
   * Stops reading and delivery. After it returns, no message arrives until {@linkcode Socket.resume}, not even from the
   * current chunk. False where that is impossible (`serve`).
   */
  pause(): boolean;
  resume(): void;
  /**
   * Starts the closing handshake with a deadline, after which the connection is cut. Queued messages are sent first.
   */
  close(code: number, reason: string): void;
  /** Cuts the connection at once and drops the queue. */
  terminate(): void;
}

/** A session as a front sees it. Methods are called synchronously. An exception is contained and closes with 1011. */
export interface SocketSink {
  /**
   * A whole message with its length in bytes. `utf8` is the UTF-8 of a text, where the front has it. A `Uint8Array` is
   * valid only during the call.
   */
  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void;
  /**
   * A control frame, or a non-final fragment that is empty or under 128 bytes, with its payload length (`edge` only).
   * Called before it has any effect, so that the session can close instead.
   */
  control(kind: "ping" | "pong" | "fragment", bytes: number): void;
  /**
   * The peer broke the protocol or a limit of a message. The front closes for this reason, and `closed` still follows.
   * `detail` is for the log and never quotes the message.
   */
  failed(reason: CloseReason, detail: string): void;
  /**
   * The peer sends no more messages: it sent a close frame or broke the protocol. The session must call `done` once, at
   * once or when pending answers have been sent. The front waits for it for a bounded time, then closes (`edge` only).
   */
  finish(done: () => void): void;
  /**
   * Called exactly once, last. The code is ours when we closed first, else the peer's (1005 when its close frame had
   * none), and 1006 when the peer disconnected without a closing handshake. Never called from within a method of
   * {@linkcode Socket}, so a session may close or terminate at any point.
   */
  closed(code: number, reason: string): void;
}
