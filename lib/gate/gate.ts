/**
 * What both gates speak of: a peer and its handshake, the decision on it, the open socket and the session at its other end.
 * Front, admission and session know one another by these alone.
 */
import type { SharedText } from "../websocket/websocket.ts";
import type { Identity } from "./identity.ts";
import type { Refusal } from "./refusal.ts";

export type { Identity, Verified } from "./identity.ts";
export { type Reason, REASONS, type Refusal, type RefusalExtras, refuse, retrySeconds, statusOf } from "./refusal.ts";

/** Who is at the other end, as far as the network tells. */
export interface Peer {
  /** Normalised address (IPv4-mapped IPv6 written as IPv4); behind a trusted proxy, the forwarded one. */
  readonly ip: string;
  /** TLS up to us, or up to the trusted proxy that says so (`X-Forwarded-Proto: https`). */
  readonly secure: boolean;
  /** Whether `ip` was told by a trusted proxy rather than seen by ourselves. */
  readonly forwarded: boolean;
}

/** The request head, as both engines can see it. */
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

/** What {@linkcode Gate.enter} answers when the address may come in. */
export interface Entry {
  /** The address as limits count it: an IPv6 address by its /64. */
  readonly address: string;
  /** It is banned, or has used up its handshakes: a valid credential still opens, but TLS for it comes after others'. */
  readonly suspect: boolean;
  /** The connection has become a session. */
  admitted(): void;
  /** Gives the place back; called exactly once, when the connection has ended in whatever way. */
  leave(): void;
}

/** What the server gives to a front. No method throws; promises never reject. */
export interface Gate {
  /**
   * Cap per address, and ban. Called on TCP accept, before TLS (`edge`, unless the peer is a trusted proxy), else once
   * the request head is read.
   */
  enter(ip: string): Entry | "banned" | "too_many_connections";
  /**
   * Judges a request for `server.path`: upgrade headers, then admission in contract order. After an accept either
   * {@linkcode Gate.open} follows or, when the peer has vanished meanwhile, {@linkcode Gate.abandoned}.
   *
   * @param gone whether the peer has vanished: then no work need be done for it
   */
  admit(handshake: Handshake, peer: Peer, gone: () => boolean): Promise<Accepted | Refusal>;
  /** The connection of this accept ended before it was open. */
  abandoned(accepted: Accepted): void;
  /**
   * Logs and counts a refusal and builds its answer. `handshake` is null when no head could be read (400, 408, 431).
   * Malformed requests (400 `bad_request`, 431) are held against the address unless they are `blameless`.
   */
  refused(handshake: Handshake | null, peer: Peer, refusal: Refusal): Response;
  /**
   * A connection of this address ended before there was a request: TLS failed or took too long. `garbage`: what came
   * was neither TLS nor anything that a browser can be made to send.
   */
  failed(ip: string, garbage: boolean): void;
  /** Everything that is not for `server.path`. The request has no body on `edge`. */
  http(request: Request, peer: Peer): Promise<Response>;
  /** A connection begins; called once the 101 is written. May already send. */
  open(socket: Socket, accepted: Accepted, peer: Peer, handshake: Handshake): SocketSink;
}

/** What a front gives to a session: one open WebSocket connection. */
export interface Socket {
  /** False from the first step of any closing on; sending is then a no-op. */
  readonly open: boolean;
  sendText(text: string): void;
  /** A text of `head`, `body` and `tail`. `body` is UTF-8, valid only during the call; `tail` is ASCII. */
  sendTextAround(head: string, body: Uint8Array, tail: string): void;
  sendBinary(data: Uint8Array): void;
  /** One message for many sockets, encoded once. */
  sendShared(message: SharedText): void;
  /** Bytes accepted but not yet taken by the kernel. */
  readonly queued: number;
  /** Bytes the kernel has taken since the connection began (`edge` only, else 0). */
  readonly taken: number;
  /** Sends a ping; false where the platform pings by itself (`serve`). */
  ping(): boolean;
  /**
   * Stops reading and delivering: after it returns no message arrives until {@linkcode Socket.resume}, not even
   * further ones of the chunk being delivered. False where that is impossible (`serve`).
   */
  pause(): boolean;
  resume(): void;
  /** Starts the closing handshake, with a deadline after which the connection is cut. Queued messages go first. */
  close(code: number, reason: string): void;
  /** Cuts the connection at once; whatever is queued is dropped. */
  terminate(): void;
}

/** What a session gives to a front. All are called synchronously; what they throw is contained and closes 1011. */
export interface SocketSink {
  /**
   * A whole message with its length in bytes. `utf8` is a text's UTF-8, where the front has it. A `Uint8Array` is valid only
   * during the call.
   */
  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void;
  /**
   * A control frame, or a non-final fragment that is empty or under 128 bytes, with its payload length (`edge` only).
   * Called before it has any effect, so that the session can close instead.
   */
  control(kind: "ping" | "pong" | "fragment", bytes: number): void;
  /**
   * The peer broke the protocol; the front closes with this code itself, and `closed` still follows. `detail` is for
   * the log and quotes nothing of the message.
   */
  failed(code: number, reason: string, detail: string): void;
  /**
   * Nothing more comes from the peer: its close frame is there, or it broke the protocol. `done` is to be called once,
   * at once or when what the client is still owed has been sent; the front waits for it a bounded time, then closes
   * (`edge` only).
   */
  finish(done: () => void): void;
  /**
   * Exactly once, last. The code the connection ended with: ours when we closed first, else the peer's (1005 when its
   * close frame had none), 1006 when it vanished without a closing handshake. Never called from within a method of
   * {@linkcode Socket}, so a session may close or terminate wherever it stands.
   */
  closed(code: number, reason: string): void;
}
