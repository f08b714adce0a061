/**
 * One admitted connection, from its 101 to its end: the inner gate.
 *
 * A message comes in at {@linkcode Session.message}. Its kind (text or binary) is judged, then the token buckets; then
 * the {@linkcode Dispatcher} takes it through envelope, roles and room to the handler's cell, which validates it with
 * the method's schema. What is refused on the way is logged, counted and answered; a session that goes on sending it is closed.
 */
import type { Accepted, Identity, Peer, Socket, SocketSink } from "../gate/gate.ts";
import type { SessionLimits, Verdict } from "../limits/limits.ts";
import type { HandlerModule, Line } from "../sandbox/sandbox.ts";
import { CloseCode } from "../websocket/websocket.ts";
import { SessionClient } from "./client.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Intake, PauseReason } from "./intake.ts";
import { type Ending, Life } from "./life.ts";
import { Outgoing } from "./outgoing.ts";
import type { SessionServices } from "./services.ts";

/** Close codes of frames that no correct client sends, and no page can make a browser send. */
const OFFENCES: ReadonlySet<number> = new Set([CloseCode.protocolError, CloseCode.invalidPayload]);

/** Everything a session is made of. */
export interface SessionOptions {
  readonly id: string;
  readonly socket: Socket;
  readonly accepted: Accepted;
  readonly peer: Peer;
  readonly module: HandlerModule;
  readonly services: SessionServices;
}

export class Session implements SocketSink {
  readonly id: string;
  readonly ip: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Of the monotonic clock. */
  readonly #started: number;
  readonly module: HandlerModule;
  readonly services: SessionServices;
  readonly life: Life;
  readonly #socket: Socket;
  readonly #limits: SessionLimits;
  readonly #intake: Intake;
  readonly #outgoing: Outgoing;
  readonly #client: SessionClient;
  readonly #line: Line;
  readonly #dispatcher: Dispatcher;
  #identity: Identity;
  #draining = false;
  /** A message waits for its tokens. */
  #delayed = false;
  /** Tells the front that all is answered, once the client has said its last word. */
  #finished: (() => void) | undefined;
  #ending = false;
  #messagesIn = 0;
  #bytesIn = 0;

  constructor({ id, socket, accepted, peer, module, services }: SessionOptions) {
    this.id = id;
    this.ip = peer.ip;
    this.since = services.now();
    this.module = module;
    this.services = services;
    this.#socket = socket;
    this.#identity = accepted.identity;
    this.#limits = services.limits.session(peer.ip, this.userId);
    this.#outgoing = new Outgoing(socket, services, () => this.end(1013, "slow_consumer"));
    this.#client = new SessionClient(this, this.#outgoing);
    const started = this.#started = services.monotonic();
    this.life = new Life(services.config.server, this, started, this.#identity.expiresAt, services.now);
    this.#intake = new Intake(socket, services.turns, this.life, services.monotonic, services.later);
    services.registry.add(this);
    services.deadlines.set(this.life, this.life.next(started));
    this.#line = module.attach(this.#client);
    this.#dispatcher = new Dispatcher({
      session: this,
      line: this.#line,
      limits: this.#limits,
      intake: this.#intake,
      outgoing: this.#outgoing,
    });
  }

  get subprotocol(): string {
    return this.module.subprotocol;
  }

  get userId(): string {
    return this.#identity.user;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Whether its end has begun; the connection may still wait for the peer's part of it. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Bytes that wait to be sent. */
  get queued(): number {
    return this.#socket.queued;
  }

  get taken(): number {
    return this.#socket.taken;
  }

  // Called by the front.

  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void {
    if (this.#ending) return;
    this.life.messaged(this.services.monotonic());
    this.#messagesIn++;
    this.#bytesIn += bytes;
    if (typeof data !== "string" && !this.module.contract.binary) {
      this.rejected("binary_not_taken", { bytes });
      this.end(1003, "binary_not_taken");
      return;
    }
    const verdict = this.#limits.message(bytes);
    if (verdict === null) this.#dispatcher.take(data, bytes, utf8);
    else if (!this.#delay(verdict, typeof data === "string" ? data : data.slice(), bytes)) {
      this.#overLimit(verdict, data, bytes);
    }
    this.#intake.spend(bytes);
  }

  control(kind: "ping" | "pong" | "fragment", bytes: number): void {
    if (this.#ending) return;
    this.life.heard(this.services.monotonic());
    const verdict = this.#limits.control(bytes, kind);
    if (verdict !== null) this.violated("rate_limited", { scope: verdict.scope, frame: kind, bytes }, verdict.excused);
    // The bytes of fragments are counted with their message.
    const own = kind === "fragment" ? 0 : bytes;
    this.#bytesIn += own;
    this.#intake.spend(own);
  }

  failed(code: number, reason: string, detail: string): void {
    if (OFFENCES.has(code)) this.services.limits.offence(this.ip);
    this.rejected(reason || (code === 1007 ? "invalid_utf8" : "protocol_error"), { code, detail });
  }

  finish(done: () => void): void {
    this.#finished = done;
    this.settleUp();
  }

  closed(code: number, reason: string): void {
    this.#ending = true;
    this.life.end();
    this.#intake.end();
    this.#dispatcher.end();
    this.services.deadlines.delete(this.life);
    this.services.registry.delete(this);
    this.#client.leave();
    this.#line.close(code);
    this.#limits.release();
    this.services.log.info("connection.closed", {
      conn: this.id,
      user: this.userId,
      code,
      reason,
      duration_ms: Math.round(this.services.monotonic() - this.#started),
      messages_in: this.#messagesIn,
      messages_out: this.#outgoing.messages,
      bytes_in: this.#bytesIn,
      bytes_out: this.#outgoing.bytes,
    });
  }

  // Called by the life, the dispatcher and the server.

  ping(): boolean {
    return this.#socket.ping();
  }

  expire({ code, reason }: Ending): void {
    this.end(code, reason);
  }

  /** Logs and counts something that was refused. */
  rejected(reason: string, fields: Record<string, unknown>): void {
    this.services.telemetry.message("in", reason);
    this.services.log.info("message.rejected", { conn: this.id, user: this.userId, reason, ...fields });
  }

  /** As {@linkcode Session.rejected}, for what was over a limit. Too many of them close the session and ban the user, unless excused. */
  violated(reason: string, fields: Record<string, unknown>, excused: boolean): void {
    this.rejected(reason, fields);
    if (excused) return;
    if (this.#limits.violation()) this.end(1008, "rate_limited");
  }

  /** Takes the identity of a fresh token of the same user; too late once the session is ending. */
  renew(identity: Identity): void {
    if (this.#ending) return;
    this.#identity = identity;
    this.#line.identity(this.#client.user);
    this.services.deadlines.set(this.life, this.life.renew(identity.expiresAt, this.services.monotonic()));
  }

  /** Tells the client when to come back, answers what is in flight, then closes 1001. */
  drain(reconnectAfterMs: number): void {
    if (this.#ending || this.#draining) return;
    this.#draining = true;
    if (this.module.contract.kind === "rpc") {
      this.#outgoing.send(`{"jsonrpc":"2.0","method":"session.reconnect","params":{"after_ms":${reconnectAfterMs}}}`);
    }
    this.#intake.pause(PauseReason.DRAINING);
    this.settleUp();
  }

  /** Ends a session that was only waiting for its last answers. */
  settleUp(): void {
    if (!this.#dispatcher.idle || this.#delayed) return;
    const finished = this.#finished;
    this.#finished = undefined;
    finished?.();
    if (this.#draining) this.end(1001, "draining");
  }

  /** Starts the closing handshake; nothing further is taken from the client. */
  end(code: number, reason: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#socket.close(code, reason);
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Stops reading until the tokens for this message are back; false where that is not configured or not possible. */
  #delay(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): boolean {
    if (verdict.action !== "delay" || !this.#intake.pause(PauseReason.MESSAGE)) return false;
    this.#delayed = true;
    this.#intake.wait(verdict.retryAfterMs, () => {
      if (this.#ending) return;
      this.#delayed = false;
      const again = this.#limits.message(bytes);
      if (again === null) this.#dispatcher.take(data, bytes);
      else if (this.#delay(again, data, bytes)) return;
      else this.#overLimit(again, data, bytes);
      this.#intake.resume(PauseReason.MESSAGE);
      this.settleUp();
    });
    return true;
  }

  #overLimit(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): void {
    this.#dispatcher.refuse(data, bytes);
    this.violated("rate_limited", { scope: verdict.scope, bytes }, verdict.excused);
  }
}
