/**
 * One open WebSocket of the edge: sending, queue, both closing handshakes. Frames are collected in a writer and sent
 * together, one write at a time: at the end of the chunk that caused them, otherwise at the end of the tick.
 *
 * Way of a message: a chunk comes in from the connection and goes to {@linkcode Incoming}; back, texts of the session
 * become frames for the connection. After the end, both are dropped.
 */
import { closeFor, type Socket, type SocketSink } from "../../gate/gate.ts";
import {
  CloseCode,
  encodeClose,
  encodeControl,
  type Failure,
  FrameWriter,
  Opcode,
  type SharedText,
} from "../../websocket/websocket.ts";
import type { EdgeConnection, Stage } from "./connection.ts";
import type { EdgeContext } from "./context.ts";
import type { Expiring } from "../../timing/deadline_queue.ts";
import { Drain, MAX_AWAITED_BYTES, MAX_DRAINED_BYTES } from "./drain.ts";
import type { Flushable } from "./flusher.ts";
import { Incoming, type IncomingHost } from "./incoming.ts";

const PING = encodeControl(Opcode.ping, new Uint8Array(0));

/**
 * open: messages go both ways. finishing: the peer sent its close frame or broke the protocol; the session sends
 * pending answers. closing: our close frame is sent, the peer's is awaited. cut: terminated by us. closed: the session
 * has been notified; the connection remains to be ended.
 */
type SocketState = "open" | "finishing" | "closing" | "cut" | "closed";

export class EdgeSocket implements Socket, Stage, IncomingHost, Expiring, Flushable {
  readonly #context: EdgeContext;
  readonly #connection: EdgeConnection;
  readonly #incoming: Incoming;
  #sink: SocketSink | null = null;
  #writer: FrameWriter | null = null;
  #state: SocketState = "open";
  #code: number = CloseCode.abnormal;
  #reason = "";
  /** The close frame to send after the pending answers. */
  #closeFrame: Uint8Array | undefined;
  /** Whether this socket is in the flusher's list. */
  #dirty = false;
  #reading = true;
  /** Whether the peer has sent FIN. */
  #peerEnded = false;
  /** Reads and discards input after our close frame. */
  #drain: Drain | null = null;

  constructor(context: EdgeContext, connection: EdgeConnection) {
    this.#context = context;
    this.#connection = connection;
    this.#incoming = new Incoming(this, context.config.messages);
  }

  /** @param rest bytes that followed the request head */
  start(sink: SocketSink, rest: Uint8Array | null): void {
    this.#sink = sink;
    this.#incoming.sink = sink;
    if (rest !== null && rest.length > 0) this.received(rest);
    if (!this.#incoming.paused && this.#state !== "cut") this.#connection.resume();
    else this.#reading = false;
  }

  get open(): boolean {
    return this.#state === "open" || this.#state === "finishing";
  }

  get queued(): number {
    return this.#connection.pending + (this.#writer?.size ?? 0);
  }

  get taken(): number {
    return this.#connection.taken;
  }

  sendText(text: string): void {
    if (!this.open) return;
    (this.#writer ??= new FrameWriter()).text(text);
    this.#touch();
  }

  sendTextAround(head: string, body: Uint8Array, tail: string): void {
    if (!this.open) return;
    (this.#writer ??= new FrameWriter()).textAround(head, body, tail);
    this.#touch();
  }

  sendBinary(data: Uint8Array): void {
    if (!this.open) return;
    (this.#writer ??= new FrameWriter()).binary(data);
    this.#touch();
  }

  sendShared(message: SharedText): void {
    if (this.open) this.#send(message.frame);
  }

  ping(): boolean {
    if (this.#state === "open") this.#send(PING);
    return true;
  }

  pause(): boolean {
    if (this.#state !== "open") return true;
    this.#incoming.pause();
    if (!this.#incoming.pumping) this.#stopReading();
    return true;
  }

  resume(): void {
    if (!this.#incoming.paused) return;
    this.#incoming.resume();
    if (this.#incoming.pumping) return;
    this.flush();
    this.#resumeReading();
    this.#judgeEnd();
  }

  close(code: number, reason: string): void {
    if (this.#state === "finishing") return this.#lastWord();
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#code = code;
    this.#reason = reason;
    this.#send(encodeClose(code, reason));
    this.#context.endings.start(this);
    // A paused reader would never read the answer.
    this.resume();
  }

  terminate(): void {
    if (this.open) this.#state = "cut";
    this.#connection.destroy();
  }

  // Methods that the connection calls.

  secured(): void {}

  received(chunk: Uint8Array): void {
    if (this.#state === "cut") return;
    if (this.#state !== "open") {
      this.#drain ??= new Drain(this.#connection, this.#context.turnstiles.drain);
      this.#drain.received(chunk.length, this.#state === "closing" ? MAX_AWAITED_BYTES : MAX_DRAINED_BYTES);
    }
    if (this.#state === "closed") return;
    this.#incoming.push(chunk);
    if (this.#state === "open") this.#context.bustle.heard++;
    if (this.#incoming.paused) this.#stopReading();
    this.flush();
  }

  written(): void {
    this.flush();
  }

  ended(): void {
    this.#peerEnded = true;
    this.#judgeEnd();
  }

  closed(): void {
    this.#context.finishings.stop(this);
    this.#context.endings.stop(this);
    this.#finish(this.#code, this.#reason);
  }

  expired(): void {
    if (this.#state === "finishing") return this.#lastWord();
    this.#connection.destroy();
  }

  flush(): void {
    this.#dirty = false;
    const writer = this.#writer;
    if (writer === null || writer.size === 0 || this.#connection.pending > 0) return;
    this.#connection.write(writer.take());
  }

  // Methods that the frame decoder calls.

  pong(payload: Uint8Array): void {
    // RFC 6455 5.5.3 requires an answer to the latest ping only. A peer that does not read gets no further pongs.
    if (this.queued > this.#context.config.server.send_queue) return;
    (this.#writer ??= new FrameWriter()).frame(Opcode.pong, payload);
    this.#touch();
  }

  peerClosed(code: number, reason: string): void {
    if (this.#state === "closing") return this.#end(this.#code, this.#reason);
    if (this.#state !== "open") return;
    // RFC 6455 5.5.1: "the endpoint typically echos the status code it received", and may finish its messages first.
    this.#finishWith(code, reason, encodeClose(code, ""));
  }

  broken(failure: Failure): void {
    if (this.#state === "closing") return this.#end(this.#code, this.#reason);
    if (this.#state !== "open") return;
    this.#guard(() => this.#sink?.failed(failure.reason, failure.detail));
    const { code, reason } = closeFor(failure.reason);
    this.#finishWith(code, reason, encodeClose(code, reason));
  }

  sinkFailed(error: unknown): void {
    this.#context.log.error("front.session_failed", { error });
    const { code, reason } = closeFor("internal");
    this.close(code, reason);
  }

  /** Lets the session send pending answers, then closes with `frame`. */
  #finishWith(code: number, reason: string, frame: Uint8Array): void {
    // The session may have cut the connection.
    if (this.#state !== "open") return;
    this.#state = "finishing";
    this.#code = code;
    this.#reason = reason;
    this.#closeFrame = frame;
    this.#context.finishings.start(this);
    this.#guard(() => this.#sink?.finish(() => this.#lastWord()));
  }

  /** Handles the peer's FIN after all earlier input has been read. */
  #judgeEnd(): void {
    if (!this.#peerEnded || this.#incoming.buffered > 0 && this.#incoming.paused) return;
    // A peer that sent its close frame and FIN still reads: pending answers and our close frame are sent first (RFC
    // 6455 5.5.1). In `closed` the platform closes by itself once the rest is written.
    if (this.#state === "closing") this.#end(this.#code, this.#reason);
    else if (this.#state === "open") this.#connection.destroy();
  }

  #lastWord(): void {
    if (this.#state === "finishing") this.#end(this.#code, this.#reason, this.#closeFrame);
  }

  /**
   * Sends the close frame, notifies the session, and ends our side of the connection (RFC 6455 7.1.1: the server
   * first).
   */
  #end(code: number, reason: string, frame?: Uint8Array): void {
    this.#context.finishings.stop(this);
    this.#state = "closed";
    if (frame !== undefined) (this.#writer ??= new FrameWriter()).raw(frame);
    const bytes = this.#writer?.take();
    this.#writer = null;
    if (bytes !== undefined && bytes.length > 0) this.#connection.write(bytes);
    this.#connection.end();
    this.#context.endings.start(this);
    // Further input is read and discarded, so that the peer reads our close frame instead of getting a reset.
    this.#resumeReading();
    this.#finish(code, reason);
  }

  #finish(code: number, reason: string): void {
    this.#state = "closed";
    const sink = this.#sink;
    if (sink === null) return;
    this.#sink = null;
    this.#writer = null;
    this.#incoming.release();
    this.#guard(() => sink.closed(code, reason));
  }

  #send(frame: Uint8Array): void {
    (this.#writer ??= new FrameWriter()).raw(frame);
    this.#touch();
  }

  /** Schedules a flush after a write to the writer. */
  #touch(): void {
    // `received` flushes after a chunk, `written` after a pending write.
    if (this.#dirty || this.#incoming.pumping || this.#connection.pending > 0) return;
    this.#dirty = true;
    this.#context.flusher.add(this);
  }

  #stopReading(): void {
    if (!this.#reading) return;
    this.#reading = false;
    this.#connection.pause();
  }

  #resumeReading(): void {
    if (this.#reading || this.#incoming.paused) return;
    this.#reading = true;
    this.#connection.resume();
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.sinkFailed(error);
    }
  }
}
