/** One accepted connection: bytes in and out over TCP or a unix socket, under TLS or not. */

import type { Socket as NetSocket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Entry } from "../../gate/gate.ts";

/** What a connection is for just now; each stage replaces the one before. */
export interface Stage {
  /** TLS is up (not called without TLS). */
  secured(): void;
  /** Bytes from the peer, which now belong to the stage; at most {@linkcode READ_BUFFER}. */
  received(chunk: Uint8Array): void;
  /** Something given to {@linkcode Connection.write} has gone to the kernel; {@linkcode Connection.pending} is what is left. */
  written(): void;
  /** The peer sends no more (FIN); we still can. */
  ended(): void;
  /** The connection is gone; the last call. `detail` is the error's code, "" without one. */
  closed(detail: string): void;
}

/** Most bytes the platform reads, and decrypts, at once. */
export const READ_BUFFER = 64 * 1024;

/** Most bytes we write at once: the platform copies what it encrypts and can't hand to the kernel yet. */
export const WRITE_SLICE = 64 * 1024;

const CONNECTION = Symbol("connection");
type Owned = NetSocket & { [CONNECTION]: Connection };

/**
 * The socket's events go to the current {@linkcode Stage}. Listeners are plain functions that find the connection on the
 * socket, so that an idle connection costs no closures.
 */
export class Connection {
  /** What we accepted; under TLS it carries ciphertext. */
  readonly #raw: NetSocket;
  /** What we read and write. */
  #socket: NetSocket;
  #stage: Stage | null = null;
  #pending = 0;
  #taken = 0;
  /** What is being written, slice by slice, and what comes behind it. */
  #writing: Uint8Array | null = null;
  #waiting: Uint8Array[] | null = null;
  #ending = false;
  #written: ((error?: Error | null) => void) | undefined;
  #error = "";
  readonly #left: (connection: Connection) => void;
  /** The place the gate gave to this address; null until it was asked. */
  entry: Entry | null;

  /** @param left called when the connection has ended, whatever way */
  constructor(raw: NetSocket, entry: Entry | null, left: (connection: Connection) => void) {
    this.#raw = raw;
    this.#socket = raw;
    this.entry = entry;
    this.#left = left;
  }

  /** The address as limits count it; "" until the gate was asked. */
  get address(): string {
    return this.entry?.address ?? "";
  }

  set stage(stage: Stage | null) {
    this.#stage = stage;
  }

  /** Reads nothing for now. */
  hold(): void {
    if (!(CONNECTION in this.#raw)) this.#listen(this.#raw);
    this.#raw.pause();
  }

  /** Starts reading without TLS, or goes on after {@linkcode hold}, with `rest`, of which the last stage had no use. */
  open(rest?: Uint8Array): void {
    if (!(CONNECTION in this.#raw)) this.#listen(this.#raw);
    else if (this.#raw.isPaused()) this.#raw.resume();
    if (rest !== undefined && rest.length > 0) this.#stage?.received(rest);
  }

  /** Starts the TLS handshake as server, beginning with `rest`; then reading. */
  secure(secureContext: SecureContext, rest?: Uint8Array): void {
    if (CONNECTION in this.#raw) this.#unlisten(this.#raw);
    if (rest !== undefined && rest.length > 0) this.#raw.unshift(rest);
    const socket = new TLSSocket(this.#raw, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    this.#socket = socket;
    this.#listen(socket);
    socket.on("secure", Connection.#onSecure);
  }

  #listen(socket: NetSocket): void {
    (socket as Owned)[CONNECTION] = this;
    socket.on("data", Connection.#onData);
    socket.on("end", Connection.#onEnd);
    socket.on("error", Connection.#onError);
    socket.on("close", Connection.#onClose);
  }

  #unlisten(socket: NetSocket): void {
    socket.pause();
    socket.off("data", Connection.#onData);
    socket.off("end", Connection.#onEnd);
    socket.off("error", Connection.#onError);
    socket.off("close", Connection.#onClose);
  }

  /** Bytes given to {@linkcode write} and not yet taken by the kernel. */
  get pending(): number {
    return this.#pending;
  }

  /** Bytes the kernel has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** The bytes belong to the connection until they are written. */
  write(bytes: Uint8Array): void {
    this.#pending += bytes.length;
    if (this.#writing === null) this.#writeSlice(bytes);
    else (this.#waiting ??= []).push(bytes);
  }

  #writeSlice(bytes: Uint8Array): void {
    this.#writing = bytes;
    this.#written ??= (error) => this.#sliceWritten(error);
    this.#socket.write(bytes.length > WRITE_SLICE ? bytes.subarray(0, WRITE_SLICE) : bytes, this.#written);
  }

  #sliceWritten(error?: Error | null): void {
    const bytes = this.#writing;
    if (error || bytes === null || this.#socket.destroyed) return;
    const size = Math.min(bytes.length, WRITE_SLICE);
    this.#pending -= size;
    this.#taken += size;
    this.#writing = null;
    if (size < bytes.length) this.#writeSlice(bytes.subarray(size));
    else if (this.#waiting !== null && this.#waiting.length > 0) this.#writeSlice(this.#waiting.shift()!);
    else if (this.#ending) return void this.#socket.end();
    this.#stage?.written();
  }

  /**
   * Stops reading from the kernel: the peer feels TCP's flow control.
   *
   * Of the two sockets it must be the raw one: pausing a TLSSocket of Deno 2.9 only stops delivery, while its native
   * side reads, decrypts and stores on without bound.
   */
  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    if (this.#raw.destroyed) return;
    // Both sockets share one "reading" flag, which delivery of the last chunk may have set again; pausing clears it, so
    // that resuming has an effect.
    this.#raw.pause();
    this.#raw.resume();
  }

  /** Ends our side once all is written: close_notify, then FIN. */
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
    connection.entry?.leave();
    connection.entry = null;
    connection.#stage?.closed(connection.#error);
  }
}
