/**
 * One accepted connection: bytes in and out over TCP or a unix socket, with or without TLS.
 *
 * Way of a message: a chunk of the socket comes in, decrypted, and goes to the current {@linkcode Stage}; back,
 * frames go to the kernel in slices. Refuses nothing.
 */

import type { Socket as NetSocket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { AddressPermit } from "../../gate/gate.ts";

/** The current stage of a connection. Each stage replaces the previous one. */
export interface Stage {
  /** The TLS handshake is complete (not called without TLS). */
  secured(): void;
  /** Bytes from the peer, owned by the stage; at most {@linkcode READ_BUFFER_BYTES}. */
  received(chunk: Uint8Array): void;
  /** Data passed to {@linkcode EdgeConnection.write} has gone to the kernel; {@linkcode EdgeConnection.pending} is the rest. */
  written(): void;
  /** The peer sends no more (FIN); this side can still send. */
  ended(): void;
  /** The connection has ended; the last call. `detail` is the error code, "" without one. */
  closed(detail: string): void;
}

/** Maximum number of bytes that the platform reads and decrypts at once. */
export const READ_BUFFER_BYTES = 64 * 1024;

/** Maximum number of bytes written at once: the platform copies encrypted data that the kernel does not take yet. */
export const WRITE_SLICE_BYTES = 64 * 1024;

const CONNECTION = Symbol("connection");
type Owned = NetSocket & { [CONNECTION]: EdgeConnection };

/**
 * Passes the socket's events to the current {@linkcode Stage}. Listeners are plain functions that find the connection
 * on the socket, so an idle connection has no closures.
 */
export class EdgeConnection {
  /** The accepted socket; with TLS it carries ciphertext. */
  readonly #raw: NetSocket;
  /** The socket for reading and writing plaintext. */
  #socket: NetSocket;
  #stage: Stage | null = null;
  #pending = 0;
  #taken = 0;
  /** The buffer that is being written in slices, and the queue behind it. */
  #writing: Uint8Array | null = null;
  #waiting: Uint8Array[] | null = null;
  #ending = false;
  #written: ((error?: Error | null) => void) | undefined;
  #error = "";
  readonly #left: (connection: EdgeConnection) => void;
  /** The place of the address from the gate; null until the gate was asked. */
  permit: AddressPermit | null;

  /** @param left called when the connection has ended */
  constructor(raw: NetSocket, permit: AddressPermit | null, left: (connection: EdgeConnection) => void) {
    this.#raw = raw;
    this.#socket = raw;
    this.permit = permit;
    this.#left = left;
  }

  /** The address as limits count it; "" until the gate was asked. */
  get address(): string {
    return this.permit?.address ?? "";
  }

  set stage(stage: Stage | null) {
    this.#stage = stage;
  }

  /** Suspends reading. */
  hold(): void {
    if (!(CONNECTION in this.#raw)) this.#listen(this.#raw);
    this.#raw.pause();
  }

  /**
   * Starts reading without TLS, or resumes after {@linkcode hold}, beginning with `rest`, which the last stage did not
   * use.
   */
  open(rest?: Uint8Array): void {
    if (!(CONNECTION in this.#raw)) this.#listen(this.#raw);
    else if (this.#raw.isPaused()) this.#raw.resume();
    if (rest !== undefined && rest.length > 0) this.#stage?.received(rest);
  }

  /** Starts the TLS handshake as server, beginning with `rest`, and then reading. */
  secure(secureContext: SecureContext, rest?: Uint8Array): void {
    if (CONNECTION in this.#raw) this.#unlisten(this.#raw);
    if (rest !== undefined && rest.length > 0) this.#raw.unshift(rest);
    const socket = new TLSSocket(this.#raw, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    this.#socket = socket;
    this.#listen(socket);
    socket.on("secure", EdgeConnection.#onSecure);
  }

  #listen(socket: NetSocket): void {
    (socket as Owned)[CONNECTION] = this;
    socket.on("data", EdgeConnection.#onData);
    socket.on("end", EdgeConnection.#onEnd);
    socket.on("error", EdgeConnection.#onError);
    socket.on("close", EdgeConnection.#onClose);
  }

  #unlisten(socket: NetSocket): void {
    socket.pause();
    socket.off("data", EdgeConnection.#onData);
    socket.off("end", EdgeConnection.#onEnd);
    socket.off("error", EdgeConnection.#onError);
    socket.off("close", EdgeConnection.#onClose);
  }

  /** Bytes passed to {@linkcode write} that are not yet in the kernel. */
  get pending(): number {
    return this.#pending;
  }

  /** Bytes passed to the kernel. */
  get taken(): number {
    return this.#taken;
  }

  /** Queues bytes, which belong to the connection until they are written. */
  write(bytes: Uint8Array): void {
    this.#pending += bytes.length;
    if (this.#writing === null) this.#writeSlice(bytes);
    else (this.#waiting ??= []).push(bytes);
  }

  #writeSlice(bytes: Uint8Array): void {
    this.#writing = bytes;
    this.#written ??= (error) => this.#sliceWritten(error);
    this.#socket.write(bytes.length > WRITE_SLICE_BYTES ? bytes.subarray(0, WRITE_SLICE_BYTES) : bytes, this.#written);
  }

  #sliceWritten(error?: Error | null): void {
    const bytes = this.#writing;
    if (error || bytes === null || this.#socket.destroyed) return;
    const size = Math.min(bytes.length, WRITE_SLICE_BYTES);
    this.#pending -= size;
    this.#taken += size;
    this.#writing = null;
    if (size < bytes.length) this.#writeSlice(bytes.subarray(size));
    else if (this.#waiting !== null && this.#waiting.length > 0) this.#writeSlice(this.#waiting.shift()!);
    else if (this.#ending) return void this.#socket.end();
    this.#stage?.written();
  }

  /**
   * Stops reading from the kernel, so that TCP flow control slows the peer.
   *
   * The raw socket must be paused: pausing a TLSSocket of Deno 2.9 stops delivery only, while its native side continues
   * to read, decrypt and store without bound.
   */
  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    if (this.#raw.destroyed) return;
    // Both sockets share one "reading" flag, which delivery of the last chunk may have set again. Pausing clears it, so
    // that resuming has an effect.
    this.#raw.pause();
    this.#raw.resume();
  }

  /** Ends our side after all data is written: close_notify, then FIN. */
  end(): void {
    this.#ending = true;
    if (this.#writing === null) this.#socket.end();
  }

  /** Cuts the connection at once, in any state. */
  destroy(): void {
    this.#socket.destroy();
  }

  static #onSecure(this: Owned): void {
    this[CONNECTION].#stage?.secured();
  }

  static #onData(this: Owned, chunk: Uint8Array): void {
    this[CONNECTION].#stage?.received(chunk);
  }

  static #onEnd(this: Owned): void {
    this[CONNECTION].#stage?.ended();
  }

  static #onError(this: Owned, error: Error & { code?: string }): void {
    this[CONNECTION].#error = error.code ?? error.message;
  }

  static #onClose(this: Owned): void {
    const connection = this[CONNECTION];
    connection.#pending = 0;
    connection.#writing = connection.#waiting = null;
    connection.#left(connection);
    connection.permit?.leave();
    connection.permit = null;
    connection.#stage?.closed(connection.#error);
  }
}
