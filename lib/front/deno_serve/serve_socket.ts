/** The platform's WebSocket as a {@linkcode Socket}. */

import { Buffer } from "node:buffer";
import { closeFor, type CloseReason, type Socket, type SocketSink } from "../../gate/gate.ts";
import type { Log } from "../../log/log.ts";
import { CloseCode, type SharedText } from "../../websocket/websocket.ts";

/** Maximum time for the peer to answer our close frame, in ms. */
const CLOSING_TIMEOUT_MS = 3_000;

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * After sending a close frame, the platform cuts the connection at the next message it reads, and the reset may
 * overtake the frame (Deno 2.9). The frame is therefore sent when no message has arrived for the first of these times,
 * in ms, at the latest after the second.
 */
const QUIET_MS = 20;
const MAX_WAIT_MS = 500;

export class ServeSocket implements Socket {
  readonly #web: WebSocket;
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #left: () => void;
  #sink: SocketSink | null = null;
  #closing = false;
  #ended = false;
  #code: number = CloseCode.abnormal;
  #reason = "";
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #heardAt = -Infinity;

  /** @param left called once, when the connection has ended */
  constructor(web: WebSocket, maxBytes: number, log: Log, left: () => void) {
    this.#web = web;
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#left = left;
  }

  /** @param open called when the platform has sent the 101; never if the client has disconnected before */
  start(open: () => SocketSink): void {
    const web = this.#web;
    web.binaryType = "arraybuffer";
    web.onopen = () => this.#guard(() => this.#sink = open());
    web.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.#message(event.data);
    // "error" is followed by "close".
    web.onerror = (event) => event.preventDefault();
    web.onclose = (event) => {
      if (this.#closing) this.#end(this.#code, this.#reason);
      else if (event.wasClean) this.#end(event.code, event.reason);
      else this.#end(CloseCode.abnormal, "");
    };
  }

  get open(): boolean {
    return !this.#closing && !this.#ended && this.#web.readyState === WebSocket.OPEN;
  }

  get queued(): number {
    return this.#web.bufferedAmount;
  }

  get taken(): number {
    return 0;
  }

  sendText(text: string): void {
    this.#send(text);
  }

  sendTextAround(head: string, body: Uint8Array, tail: string): void {
    this.#send(head + utf8Decoder.decode(body) + tail);
  }

  sendBinary(data: Uint8Array<ArrayBuffer>): void {
    // The platform keeps the view until it is written; the caller may overwrite it.
    this.#send(data.slice());
  }

  sendShared(message: SharedText): void {
    this.#send(message.text);
  }

  ping(): boolean {
    return false;
  }

  pause(): boolean {
    return false;
  }

  resume(): void {}

  close(code: number, reason: string): void {
    if (!this.open) return;
    this.#closing = true;
    this.#code = code;
    this.#reason = reason;
    this.#deadline = setTimeout(() => this.#end(code, reason), CLOSING_TIMEOUT_MS);
    this.#closeWhenQuiet(performance.now() + MAX_WAIT_MS);
  }

  #closeFor(cause: CloseReason): void {
    const { code, reason } = closeFor(cause);
    this.close(code, reason);
  }

  #closeWhenQuiet(until: number): void {
    const now = performance.now();
    if (now - this.#heardAt >= QUIET_MS || now >= until) return this.#web.close(this.#code, this.#reason);
    this.#quiet = setTimeout(() => this.#closeWhenQuiet(until), QUIET_MS);
  }

  /** The platform can't cut a connection: a close frame is sent, and the answer is not awaited. */
  terminate(): void {
    if (this.#ended) return;
    this.#closing = true;
    this.#web.close(CloseCode.goingAway);
    clearTimeout(this.#quiet);
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end(this.#code, this.#reason), 0);
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (!this.open) return;
    this.#web.send(data);
  }

  #message(data: string | ArrayBuffer): void {
    this.#heardAt = performance.now();
    if (!this.open) return;
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
    if (bytes > this.#maxBytes) {
      const detail = `Message is longer than ${this.#maxBytes} bytes`;
      this.#guard(() => this.#sink?.failed("message_too_big", detail));
      return this.#closeFor("message_too_big");
    }
    this.#guard(() => this.#sink?.message(typeof data === "string" ? data : new Uint8Array(data), bytes));
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#quiet);
    const sink = this.#sink;
    this.#sink = null;
    this.#left();
    this.#guard(() => sink?.closed(code, reason));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error("front.session_failed", { error });
      this.#closeFor("internal");
    }
  }
}
