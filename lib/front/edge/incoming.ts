/**
 * Turns received bytes into messages of the session.
 *
 * Way of a message: a chunk comes in from the socket and goes to the decoder; its messages go to the session. After
 * the close frame, they are dropped.
 */

import type { SocketSink } from "../../gate/gate.ts";
import { Decoder, type DecoderEvents, type DecoderLimits, type Failure } from "../../websocket/websocket.ts";

/** The connection as the frame decoder sees it. */
export interface IncomingHost {
  readonly open: boolean;
  /** Answers a ping. */
  pong(payload: Uint8Array): void;
  /** Handles the peer's close frame. */
  peerClosed(code: number, reason: string): void;
  broken(failure: Failure): void;
  /** Handles an exception of the session. */
  sinkFailed(error: unknown): void;
}

/**
 * The receiving side of a WebSocket: feeds the decoder, keeps the rest of a chunk during a pause, passes messages to
 * the session while the socket is open, and drops them afterwards (RFC 6455 1.4: after sending a close frame an
 * endpoint "discards any further data received").
 */
export class Incoming implements DecoderEvents {
  readonly #host: IncomingHost;
  readonly #decoder: Decoder;
  #sink: SocketSink | null = null;
  #rest: Uint8Array | null = null;
  #paused = false;
  #pumping = false;

  constructor(host: IncomingHost, limits: DecoderLimits) {
    this.#host = host;
    this.#decoder = new Decoder(limits, this);
  }

  set sink(sink: SocketSink) {
    this.#sink = sink;
  }

  /** Whether the current events come from a chunk being read. */
  get pumping(): boolean {
    return this.#pumping;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Bytes held: the rest of a chunk and the decoder's storage. */
  get buffered(): number {
    return (this.#rest?.length ?? 0) + this.#decoder.buffered;
  }

  push(chunk: Uint8Array): void {
    if (this.#rest !== null) chunk = joined(this.#rest, chunk);
    this.#rest = null;
    this.#pumping = true;
    let at = 0;
    while (at < chunk.length && !this.#paused) {
      const consumed = this.#decoder.push(at === 0 ? chunk : chunk.subarray(at));
      // The decoder consumes nothing after a close frame or a failure.
      if (consumed === 0 && !this.#paused) break;
      at += consumed;
    }
    this.#pumping = false;
    if (this.#paused && at < chunk.length) this.#rest = chunk.subarray(at);
  }

  pause(): void {
    this.#paused = true;
    this.#decoder.suspend();
  }

  /** Delivers kept data; may be paused again in between. */
  resume(): void {
    this.#paused = false;
    this.#decoder.resume();
    const rest = this.#rest;
    if (rest === null || this.#pumping) return;
    this.#rest = null;
    this.push(rest);
  }

  /** Releases all data. */
  release(): void {
    this.#rest = null;
    this.#sink = null;
  }

  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void {
    if (!this.#host.open) return;
    try {
      this.#sink?.message(data, bytes, utf8);
    } catch (error) {
      this.#host.sinkFailed(error);
    }
  }

  ping(payload: Uint8Array): void {
    this.#control("ping", payload.length);
    if (this.#host.open) this.#host.pong(payload);
  }

  pong(payload: Uint8Array): void {
    this.#control("pong", payload.length);
  }

  fragment(bytes: number): void {
    this.#control("fragment", bytes);
  }

  close(code: number, reason: string): void {
    this.#host.peerClosed(code, reason);
  }

  fail(failure: Failure): void {
    this.#host.broken(failure);
  }

  #control(kind: "ping" | "pong" | "fragment", bytes: number): void {
    if (!this.#host.open) return;
    try {
      this.#sink?.control(kind, bytes);
    } catch (error) {
      this.#host.sinkFailed(error);
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
