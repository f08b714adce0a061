/**
 * One admitted connection from its 101 to its end: the inner gate.
 *
 * A message arrives at {@linkcode Session.message}. Its kind (text or binary) is checked, then the token buckets. Then
 * the {@linkcode Dispatcher} takes it through envelope, roles and room to the handler's cell, which validates it with
 * the method's schema. Refusals are logged, counted and answered; a session with too many of them is closed.
 *
 * `Session` is the upper of two layers: it connects the parts, and front and server use it. The parts use only the
 * lower layer, {@linkcode SessionState}.
 *
 * Way of a message: a message comes in from the front and goes to the {@linkcode Dispatcher}. Refuses with 1003
 * binary data that the module does not take, with -32001 and at last 1008 what exceeds the limits.
 */
import { type CloseReason, CLOSES, type SocketSink } from "../gate/gate.ts";
import type { Verdict } from "../limits/limits.ts";
import type { Line } from "../sandbox/sandbox.ts";
import { SessionClient } from "./client.ts";
import { Dispatcher } from "./dispatcher.ts";
import { PauseReason } from "./intake.ts";
import { Refusals } from "./refusals.ts";
import type { Registry } from "./registry.ts";
import { type SessionOptions, SessionState } from "./state.ts";
import { Subscriptions } from "./subscriptions.ts";

export { Documents } from "./documents.ts";
export { Registry } from "./registry.ts";
export type { SessionServices } from "./services.ts";
export type { SessionOptions } from "./state.ts";

export class Session extends SessionState implements SocketSink {
  readonly line: Line;
  readonly topics: Subscriptions = new Subscriptions(this);
  readonly #registry: Registry<Session>;
  readonly #dispatcher: Dispatcher;
  readonly #refusals = new Refusals(this);
  #messagesIn = 0;
  #bytesIn = 0;

  /** Adds the session to `registry` until its connection has ended. */
  constructor(options: SessionOptions, registry: Registry<Session>) {
    super(options);
    this.#registry = registry;
    registry.add(this);
    this.line = this.module.attach(new SessionClient(this, this.topics));
    this.#dispatcher = new Dispatcher(this, this.#refusals);
  }

  // Methods that the front calls.

  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void {
    if (this.ending) return;
    this.arrived = this.services.monotonic();
    try {
      this.life.messaged(this.arrived);
      this.#messagesIn++;
      this.#bytesIn += bytes;
      if (typeof data !== "string" && !this.module.contract.binary) {
        this.rejected("binary_not_taken", { bytes });
        this.end("binary_not_taken");
        return;
      }
      const verdict = this.limits.message(bytes, this.arrived);
      if (verdict === null) this.#dispatcher.dispatch(data, bytes, utf8);
      else if (!this.#delay(verdict, typeof data === "string" ? data : data.slice(), bytes)) {
        this.#overLimit(verdict, data, bytes);
      }
    } finally {
      this.arrived = undefined;
    }
    this.intake.spend(bytes);
  }

  control(kind: "ping" | "pong" | "fragment", bytes: number): void {
    if (this.ending) return;
    this.life.heard(this.services.monotonic());
    const verdict = this.limits.control(bytes, kind);
    if (verdict !== null) this.violated("rate_limited", { scope: verdict.scope, frame: kind, bytes }, verdict.excused);
    // Bytes of fragments count with their message.
    const own = kind === "fragment" ? 0 : bytes;
    this.#bytesIn += own;
    this.intake.spend(own);
  }

  failed(reason: CloseReason, detail: string): void {
    const { code, offence } = CLOSES[reason];
    if (offence) this.services.limits.offence(this.ip);
    this.rejected(reason, { code, detail });
  }

  finish(done: () => void): void {
    this.finished = done;
    this.#settleIfIdle();
  }

  closed(code: number, reason: string): void {
    this.ended();
    this.#dispatcher.stop();
    this.#registry.delete(this);
    this.topics.leave();
    this.line.close(code);
    this.services.log.info("connection.closed", {
      conn: this.id,
      user: this.userId,
      code,
      reason,
      duration_ms: Math.round(this.services.monotonic() - this.startedAt),
      messages_in: this.#messagesIn,
      messages_out: this.outgoing.messages,
      bytes_in: this.#bytesIn,
      bytes_out: this.outgoing.bytes,
    });
  }

  // Methods that the server calls.

  /**
   * Tells the client when to reconnect. With `servesMs`, the session reads requests for that time, so that the client
   * can open its next connection first.
   */
  announce(reconnectAfterMs: number, servesMs?: number): void {
    if (this.ending || this.module.contract.kind !== "rpc") return;
    const params = { after_ms: reconnectAfterMs, serves_ms: servesMs };
    this.outgoing.send(JSON.stringify({ jsonrpc: "2.0", method: "session.reconnect", params }));
  }

  /** Reads nothing more, answers pending requests, then closes with 1001. */
  drain(): void {
    if (this.ending || this.draining) return;
    this.draining = true;
    this.intake.pause(PauseReason.DRAINING);
    this.#settleIfIdle();
  }

  /** Stops reading until this message has its tokens; false where that is not configured or not possible. */
  #delay(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): boolean {
    if (verdict.action !== "delay" || !this.intake.pause(PauseReason.MESSAGE)) return false;
    this.delayed = true;
    this.intake.wait(verdict.retryAfterMs, () => {
      if (this.ending) return;
      this.delayed = false;
      const again = this.limits.message(bytes);
      if (again === null) this.#dispatcher.dispatch(data, bytes);
      else if (this.#delay(again, data, bytes)) return;
      else this.#overLimit(again, data, bytes);
      this.intake.resume(PauseReason.MESSAGE);
      this.#settleIfIdle();
    });
    return true;
  }

  #settleIfIdle(): void {
    if (this.#dispatcher.idle) this.settleUp();
  }

  #overLimit(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): void {
    this.#refusals.message(data, bytes);
    this.violated("rate_limited", { scope: verdict.scope, bytes }, verdict.excused);
  }
}
