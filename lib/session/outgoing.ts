/**
 * The outgoing side of a session, bounded by `server.send_queue`.
 *
 * Way of a message: an answer comes in from the dispatcher and goes to the socket, within a batch once all of it is
 * answered. Closes with 1013 `slow_consumer` beyond `server.send_queue`.
 */
import type { Socket } from "../gate/gate.ts";
import type { RpcResponse } from "../rpc/rpc.ts";
import type { SharedText } from "../websocket/websocket.ts";
import type { Batch } from "./batch.ts";
import type { SessionServices } from "./services.ts";

/** Sends and counts the outgoing messages of a session. Closes a client that does not read. */
export class Outgoing {
  messages = 0;
  /** UTF-16 units of text, bytes of binary data. */
  bytes = 0;
  readonly #socket: Socket;
  readonly #services: SessionServices;
  readonly #slow: () => void;

  /** `slow` is called when more than `server.send_queue` bytes are queued. */
  constructor(socket: Socket, services: SessionServices, slow: () => void) {
    this.#socket = socket;
    this.#services = services;
    this.#slow = slow;
  }

  /** Sends the answer of a request, null for a notification's; that of an element once its whole batch is answered. */
  answer(batch: Batch | null, response: RpcResponse | null): void {
    const whole = batch ? batch.add(response) : response;
    // Answers that exceed the queue together are not even put together.
    if (batch !== null && batch.size > this.#services.config.server.send_queue) return this.giveUp();
    if (typeof whole === "string") this.send(whole);
    else if (whole !== null) this.sendAround(whole.head, whole.body, whole.tail);
  }

  send(data: string | Uint8Array): void {
    if (!this.#socket.open) return;
    if (typeof data === "string") this.#socket.sendText(data);
    else this.#socket.sendBinary(data);
    this.#sent(data.length);
  }

  /** Sends a text of `head`, `body` (UTF-8) and `tail`. */
  sendAround(head: string, body: Uint8Array, tail: string): void {
    if (!this.#socket.open) return;
    this.#socket.sendTextAround(head, body, tail);
    this.#sent(head.length + body.length + tail.length);
  }

  /** Sends a message for many sessions, encoded once. */
  sendShared(message: SharedText): void {
    if (!this.#socket.open) return;
    this.#socket.sendShared(message);
    this.#sent(message.size);
  }

  #sent(bytes: number): void {
    this.messages++;
    this.bytes += bytes;
    this.#services.telemetry.message("out", "ok");
    if (this.#socket.queued > this.#services.config.server.send_queue) this.giveUp();
  }

  /** Closes a client whose queue would exceed `server.send_queue`. */
  giveUp(): void {
    this.#services.telemetry.message("out", "dropped");
    this.#slow();
  }
}
