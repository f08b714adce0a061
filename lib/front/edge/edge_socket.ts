/** One open WebSocket of the edge: sending, queue, both closing handshakes. */
import type { Socket, SocketSink } from "../../gate/gate.ts";
import {
  CloseCode,
  encodeClose,
  encodeControl,
  type Failure,
  FrameWriter,
  Opcode,
  type SharedText,
} from "../../websocket/websocket.ts";
import { type Connection, READ_BUFFER, type Stage } from "./connection.ts";
import type { EdgeContext } from "./context.ts";
import type { Expiring } from "../../timing/deadline_queue.ts";
import { Drain } from "./drain.ts";
import type { Flushable } from "./flusher.ts";
import { Incoming, type IncomingHost } from "./incoming.ts";

const PING = encodeControl(Opcode.ping, new Uint8Array(0));

/** Most bytes read while the peer's close frame is awaited, which may be behind all that it has under way. */
const MAX_AWAITED = 4 * READ_BUFFER;

/** Most bytes read behind the last word; a peer that pours on can read that word while it waits for the ending's deadline. */
const MAX_DRAINED = READ_BUFFER;

/**
 * open: messages go both ways. finishing: the peer has said its last word, the session sends what it still owes.
 * closing: our close frame is sent, theirs awaited. cut: we hung up. closed: the session was told; what is left is to
 * end the connection.
 */
type State = "open" | "finishing" | "closing" | "cut" | "closed";

/**
 * Frames are gathered in a writer and written together, one write in flight at a time: at the end of the chunk that
 * caused them, else at the end of the tick.
 */
export class EdgeSocket implements Socket, Stage, IncomingHost, Expiring, Flushable {
  readonly #context: EdgeContext;
  readonly #connection: Connection;
  readonly #incoming: Incoming;
  #sink: SocketSink | null = null;
  #writer: FrameWriter | null = null;
  #state: State = "open";
  #code: number = CloseCode.abnormal;
  #reason = "";
  /** What is sent last, while finishing. */
  #closeFrame: Uint8Array | undefined;
  /** In the flusher's list. */
  #dirty = false;
  #reading = true;
  /** The peer's FIN has come. */
  #peerEnded = false;
  /** Reads on once the last word was said. */
  #drain: Drain | null = null;

  constructor(context: EdgeContext, connection: Connection) {
    this.#context = context;
    this.#connection = connection;
    this.#incoming = new Incoming(this, context.config.messages);
  }

  /** @param rest what the client sent behind its request head */
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
    // A paused reader would never see the answer.
    this.resume();
  }

  terminate(): void {
    if (this.open) this.#state = "cut";
    this.#connection.destroy();
  }

  // Called by the connection.

  secured(): void {}

  received(chunk: Uint8Array): void {
    if (this.#state === "cut") return;
    if (this.#state !== "open") {
      this.#drain ??= new Drain(this.#connection, this.#context.turnstiles.drain);
      this.#drain.received(chunk.length, this.#state === "closing" ? MAX_AWAITED : MAX_DRAINED);
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

  // Called by the frames.

  pong(payload: Uint8Array): void {
    // RFC 6455 5.5.3 asks for the answer to the latest ping only; a peer that reads none of them gets no further one.
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
    this.#guard(() => this.#sink?.failed(failure.code, failure.reason, failure.detail));
    this.#finishWith(failure.code, failure.reason, encodeClose(failure.code, failure.reason));
  }

  sinkFailed(error: unknown): void {
    this.#context.log.error("front.session_failed", { error });
    this.close(CloseCode.internalError, "internal");
  }

  /** Lets the session send what it owes, then closes with `frame`. */
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

  /** What the peer's FIN means once all that came before it is read. */
  #judgeEnd(): void {
    if (!this.#peerEnded || this.#incoming.buffered > 0 && this.#incoming.paused) return;
    // A peer that sent its close frame and FIN still reads: what it is owed, and our close frame, go first (RFC 6455 5.5.1).
    // In `closed` the platform closes by itself once the rest is written.
    if (this.#state === "closing") this.#end(this.#code, this.#reason);
    else if (this.#state === "open") this.#connection.destroy();
  }

  #lastWord(): void {
    if (this.#state === "finishing") this.#end(this.#code, this.#reason, this.#closeFrame);
  }

  /** Says the last word, tells the session, and ends our side of the connection (RFC 6455 7.1.1: the server first). */
  #end(code: number, reason: string, frame?: Uint8Array): void {
    this.#context.finishings.stop(this);
    this.#state = "closed";
    if (frame !== undefined) (this.#writer ??= new FrameWriter()).raw(frame);
    const bytes = this.#writer?.take();
    this.#writer = null;
    if (bytes !== undefined && bytes.length > 0) this.#connection.write(bytes);
    this.#connection.end();
    this.#context.endings.start(this);
    // What still comes is read and dropped, so that the peer sees our last word rather than a reset.
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

  /** Something was put in the writer. */
  #touch(): void {
    // `received` flushes what a chunk caused, `written` what came while a write was under way.
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
