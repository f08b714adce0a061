/**
 * One admitted connection, from its 101 to its end: the inner gate.
 *
 * A message comes in at {@linkcode Session.message} and passes, in this order: its kind (text or binary), the token
 * buckets, the JSON-RPC envelope, the method and its roles, the method's own tokens, the number of requests in flight;
 * then it crosses into the handler's cell, which validates it with the method's schema. What is refused on the way is
 * logged, counted and answered; who goes on sending it is closed.
 */
import type { Identity } from "../admission/admission.ts";
import type { Accepted, Peer, Socket, SocketSink } from "../front/front.ts";
import type { Presence, Subscriber } from "../hub/hub.ts";
import type { SessionLimits, Verdict } from "../limits/limits.ts";
import {
  ErrorCode,
  errorReason,
  errorResponse,
  isFault,
  parseMessage,
  type RpcElement,
  type RpcRequest,
} from "../rpc/rpc.ts";
import {
  type CellClient,
  type CellUser,
  type HandlerModule,
  type Line,
  mayCall,
  type MethodContract,
} from "../sandbox/sandbox.ts";
import type { SharedText } from "../websocket/websocket.ts";
import { builtins } from "./builtins.ts";
import { Batch, Call, type CallOwner } from "./calls.ts";
import { Intake, PauseReason } from "./intake.ts";
import { type Ending, Life } from "./life.ts";
import type { SessionServices } from "./services.ts";

/** More topics than this one session can't follow: a client that makes a handler subscribe may not fill the memory. */
const MAX_TOPICS = 1_000;

/** Everything a session is made of. */
export interface SessionOptions {
  readonly id: string;
  readonly socket: Socket;
  readonly accepted: Accepted;
  readonly peer: Peer;
  readonly module: HandlerModule;
  readonly services: SessionServices;
}

/** A raw frame, on the same way as a request without id. */
interface Frame {
  readonly id: undefined;
  readonly method: "message";
  readonly data: string | Uint8Array;
}

/** What a raw frame has in place of a method's contract. */
const FRAME: MethodContract = { name: "message", public: true, cost: 1, params: {} };

/** A request or a frame waiting for room or tokens. */
interface Waiting {
  readonly request: RpcRequest | Frame;
  readonly batch: Batch | null;
}

export class Session implements SocketSink, CellClient, CallOwner, Subscriber {
  readonly id: string;
  readonly ip: string;
  readonly subprotocol: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly life: Life;
  readonly #services: SessionServices;
  readonly #socket: Socket;
  readonly #module: HandlerModule;
  readonly #limits: SessionLimits;
  readonly #intake: Intake;
  readonly #line: Line;
  readonly #topics = new Set<string>();
  readonly #waiting: Waiting[] = [];
  #identity: Identity;
  #inFlight = 0;
  #invalid = 0;
  #draining = false;
  /** Tells the front that all is answered, once the client has said its last word. */
  #finished: (() => void) | undefined;
  #ending = false;
  #messagesIn = 0;
  #messagesOut = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor({ id, socket, accepted, peer, module, services }: SessionOptions) {
    this.id = id;
    this.ip = peer.ip;
    this.subprotocol = module.subprotocol;
    this.since = services.now();
    this.#services = services;
    this.#socket = socket;
    this.#module = module;
    this.#identity = accepted.identity;
    this.#intake = new Intake(socket, services.turns);
    this.#limits = services.limits.session(peer.ip, this.userId);
    const started = services.monotonic();
    this.life = new Life(services.config.server, this, started, this.#identity.expiresAt, services.now);
    services.registry.add(this);
    services.deadlines.set(this.life, this.life.next(started));
    this.#line = module.attach(this);
  }

  /** Whether its end has begun; the connection may still wait for the peer's part of it. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Bytes that wait to be sent. */
  get queued(): number {
    return this.#socket.queued;
  }

  get userId(): string {
    return this.#identity.user;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** The user as the handler sees it. */
  get user(): CellUser {
    const { user, roles, claims } = this.#identity;
    return { id: user, roles, claims };
  }

  // The way in: called by the front.

  message(data: string | Uint8Array, bytes: number): void {
    if (this.#ending) return;
    this.life.messaged(this.#services.monotonic());
    this.#messagesIn++;
    this.#bytesIn += bytes;
    if (typeof data !== "string" && !this.#module.contract.binary) {
      this.#rejected("binary_not_taken", { bytes });
      this.end(1003, "binary_not_taken");
      return;
    }
    const verdict = this.#limits.message(bytes);
    if (verdict === null) this.#take(data, bytes);
    else if (!this.#delay(verdict, typeof data === "string" ? data : data.slice(), bytes)) {
      this.#overLimit(verdict, data, bytes);
    }
    this.#intake.spend();
  }

  control(kind: "ping" | "pong" | "fragment", bytes: number): void {
    if (this.#ending) return;
    this.life.heard(this.#services.monotonic());
    this.#bytesIn += bytes;
    const verdict = this.#limits.control(bytes, kind);
    if (verdict !== null) this.#violated("rate_limited", { scope: verdict.scope, frame: kind, bytes });
  }

  failed(code: number, reason: string, detail: string): void {
    this.#rejected(reason || (code === 1007 ? "invalid_utf8" : "protocol_error"), { code, detail });
  }

  finish(done: () => void): void {
    this.#finished = done;
    this.#settleUp();
  }

  closed(code: number, reason: string): void {
    this.#ending = true;
    this.life.end();
    this.#intake.end();
    this.#services.deadlines.delete(this.life);
    this.#services.registry.delete(this);
    for (const topic of this.#topics) this.#services.hub.unsubscribe(topic, this);
    this.#topics.clear();
    this.#waiting.length = 0;
    this.#line.close(code);
    this.#limits.release();
    this.#services.log.info("connection.closed", {
      conn: this.id,
      user: this.userId,
      code,
      reason,
      duration_ms: this.#services.now() - this.since,
      messages_in: this.#messagesIn,
      messages_out: this.#messagesOut,
      bytes_in: this.#bytesIn,
      bytes_out: this.#bytesOut,
    });
  }

  /** Takes a message that has its tokens. */
  #take(data: string | Uint8Array, bytes: number): void {
    if (this.#module.contract.kind === "raw") {
      this.#enter({ id: undefined, method: "message", data }, null);
      return;
    }
    const message = parseMessage(data as string, this.#services.config.messages);
    if (!message.batch) {
      this.#element(message.element, null, bytes);
      return;
    }
    const batch = new Batch(message.elements.length);
    for (const element of message.elements) this.#element(element, batch, bytes);
  }

  #element(element: RpcElement, batch: Batch | null, bytes: number): void {
    if (this.#ending) return;
    if (isFault(element)) {
      this.#fault(element.id, element.code, batch, { bytes });
      return;
    }
    this.#enter(element, batch);
  }

  /** Sends a request or frame on its way, behind those that wait. */
  #enter(request: RpcRequest | Frame, batch: Batch | null): void {
    if (this.#waiting.length > 0 || !this.#request(request, batch)) {
      this.#waiting.push({ request: kept(request), batch });
    }
  }

  /** Judges one request or frame and sends it on its way; false when it has to wait for room or tokens. */
  #request(request: RpcRequest | Frame, batch: Batch | null): boolean {
    const { method, id } = request;
    const contract = "data" in request
      ? FRAME
      : builtins.get(method)?.contract ?? this.#module.contract.methods.get(method);
    if (!contract) {
      this.#fault(id, ErrorCode.METHOD_NOT_FOUND, batch, {});
      return true;
    }
    if (!mayCall(contract, this.#identity.roles)) {
      this.#fault(id, ErrorCode.FORBIDDEN, batch, { method });
      return true;
    }
    if (this.#inFlight >= this.#services.config.messages.max_in_flight) {
      if (this.#intake.pause(PauseReason.REQUEST)) return false;
      this.#refuse(id, ErrorCode.OVERLOADED, batch, { method });
      return true;
    }
    const verdict = this.#limits.call(method, contract.cost);
    if (verdict !== null) {
      if (verdict.action === "delay" && this.#intake.pause(PauseReason.REQUEST)) {
        this.#intake.wait(verdict.retryAfterMs, () => this.#goOn());
        return false;
      }
      this.#refuse(id, ErrorCode.RATE_LIMITED, batch, { method, scope: verdict.scope }, retryData(verdict));
      return true;
    }
    this.#inFlight++;
    const call = new Call(this, {
      id,
      method,
      batch,
      startedAt: this.#services.monotonic(),
      traced: this.#services.tracing.call(method, this.subprotocol),
    });
    const builtin = builtins.get(method);
    if ("data" in request) this.#line.message(request.data, call);
    else if (builtin) builtin.run(this, request.text, call);
    else this.#line.call(method, request.text, call);
    return true;
  }

  /** Goes on with what waited, in order, then reads on. */
  #goOn(): void {
    while (this.#waiting.length > 0) {
      if (this.#ending) return;
      const { request, batch } = this.#waiting[0]!;
      if (!this.#request(request, batch)) return;
      this.#waiting.shift();
    }
    this.#intake.resume(PauseReason.REQUEST);
  }

  /** Stops reading until the tokens for this message are back; false where that is not configured or not possible. */
  #delay(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): boolean {
    if (verdict.action !== "delay" || !this.#intake.pause(PauseReason.MESSAGE)) return false;
    this.#intake.wait(verdict.retryAfterMs, () => {
      if (this.#ending) return;
      const again = this.#limits.message(bytes);
      if (again === null) this.#take(data, bytes);
      else if (this.#delay(again, data, bytes)) return;
      else this.#overLimit(again, data, bytes);
      this.#intake.resume(PauseReason.MESSAGE);
    });
    return true;
  }

  #overLimit(verdict: NonNullable<Verdict>, data: string | Uint8Array, bytes: number): void {
    if (this.#module.contract.kind === "rpc") {
      // Read only to answer with the right ids; a message's size and the number of violations are bounded.
      const message = parseMessage(data as string, this.#services.config.messages);
      const answer = (element: RpcElement) =>
        element.id === undefined ? null : errorResponse(element.id, ErrorCode.RATE_LIMITED, retryData(verdict));
      if (message.batch) {
        const answers = message.elements.map(answer).filter((text) => text !== null);
        if (answers.length > 0) this.#send(`[${answers.join(",")}]`);
      } else {
        const text = answer(message.element);
        if (text !== null) this.#send(text);
      }
    }
    this.#violated("rate_limited", { scope: verdict.scope, bytes });
  }

  /** Refuses an element that reaches no handler; it costs what the cheapest good one does. */
  #fault(id: RpcRequest["id"], code: number, batch: Batch | null, fields: Record<string, unknown>): void {
    const verdict = this.#limits.call("", 1);
    if (verdict === null) this.#refuse(id, code, batch, fields);
    else this.#refuse(id, ErrorCode.RATE_LIMITED, batch, { ...fields, scope: verdict.scope }, retryData(verdict));
  }

  /** Answers, logs and counts one refused element; closes when there were too many. */
  #refuse(
    id: RpcRequest["id"],
    code: number,
    batch: Batch | null,
    fields: Record<string, unknown>,
    dataJson?: string,
  ): void {
    const response = id === undefined ? null : errorResponse(id, code, dataJson);
    this.#reply(batch, response);
    if (code === ErrorCode.RATE_LIMITED) this.#violated("rate_limited", fields);
    else {
      this.#rejected(errorReason(code), fields);
      this.#countInvalid(code, batch);
    }
  }

  #countInvalid(code: number, batch: Batch | null): void {
    if (!INVALID.has(code) || batch?.invalid) return;
    if (batch) batch.invalid = true;
    if (++this.#invalid >= this.#services.config.messages.max_invalid) this.end(1008, "invalid_messages");
  }

  #violated(reason: string, fields: Record<string, unknown>): void {
    this.#rejected(reason, fields);
    if (this.#limits.violation()) this.end(1008, "rate_limited");
  }

  #rejected(reason: string, fields: Record<string, unknown>): void {
    this.#services.telemetry.message("in", reason);
    this.#services.log.info("message.rejected", { conn: this.id, user: this.userId, reason, ...fields });
  }

  // The way out: called by calls, cells, the hub and the life.

  settled(call: Call, code: number, response: string | null): void {
    this.#inFlight--;
    call.traced(code === 0 ? "ok" : errorReason(code));
    this.#services.telemetry.messageSeconds((this.#services.monotonic() - call.startedAt) / 1000);
    if (this.#ending) return;
    this.#reply(call.batch, response);
    if (code === 0) this.#services.telemetry.message("in", "ok");
    else {
      this.#rejected(errorReason(code), { method: call.method });
      this.#countInvalid(code, call.batch);
    }
    if (this.#waiting.length > 0) this.#goOn();
    this.#settleUp();
  }

  notify(message: string): void {
    this.#send(message);
  }

  send(data: string | Uint8Array): void {
    if (typeof data === "string") this.#send(data);
    else if (this.#socket.open) {
      this.#socket.sendBinary(data);
      this.#sent(data.length);
    }
  }

  deliver(message: SharedText): void {
    if (!this.#socket.open) return;
    this.#socket.sendShared(message);
    this.#sent(message.text.length);
  }

  publish(topic: string, message: string): void {
    this.#services.hub.publish(topic, message);
  }

  subscribe(topic: string): void {
    if (this.#ending) return;
    if (this.#topics.size >= MAX_TOPICS && !this.#topics.has(topic)) {
      this.logged("warn", "too many subscriptions", { topics: MAX_TOPICS });
      return;
    }
    this.#topics.add(topic);
    this.#services.hub.subscribe(topic, this);
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#services.hub.unsubscribe(topic, this);
  }

  presence(topic: string): Presence[] {
    return this.#services.hub.presence(topic);
  }

  closeByHandler(reason: string): void {
    this.end(1000, reason);
  }

  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void {
    this.#services.log[level]("handler.log", { conn: this.id, user: this.userId, message, fields });
  }

  unserved(): void {
    this.end(1011, "internal");
  }

  ping(): boolean {
    return this.#socket.ping();
  }

  expire({ code, reason }: Ending): void {
    this.end(code, reason);
  }

  /** Takes the identity of a fresh token of the same user; too late once the session is ending. */
  renew(identity: Identity): void {
    if (this.#ending) return;
    this.#identity = identity;
    this.#line.identity(this.user);
    this.#services.deadlines.set(this.life, this.life.renew(identity.expiresAt, this.#services.monotonic()));
  }

  get services(): SessionServices {
    return this.#services;
  }

  get module(): HandlerModule {
    return this.#module;
  }

  /** Tells the client when to come back, answers what is in flight, then closes 1001. */
  drain(reconnectAfterMs: number): void {
    if (this.#ending || this.#draining) return;
    this.#draining = true;
    if (this.#module.contract.kind === "rpc") {
      this.#send(`{"jsonrpc":"2.0","method":"session.reconnect","params":{"after_ms":${reconnectAfterMs}}}`);
    }
    this.#intake.pause(PauseReason.DRAINING);
    this.#settleUp();
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

  /** Ends a session that was only waiting for its last answers. */
  #settleUp(): void {
    if (this.#inFlight > 0 || this.#waiting.length > 0) return;
    this.#finished?.();
    if (this.#draining) this.end(1001, "draining");
  }

  #reply(batch: Batch | null, response: string | null): void {
    const text = batch ? batch.add(response) : response;
    if (text !== null) this.#send(text);
  }

  #send(text: string): void {
    if (!this.#socket.open) return;
    this.#socket.sendText(text);
    this.#sent(text.length);
  }

  /** Counts what was sent; a client that does not read what it gets is closed. */
  #sent(bytes: number): void {
    this.#messagesOut++;
    this.#bytesOut += bytes;
    this.#services.telemetry.message("out", "ok");
    if (this.#socket.queued > this.#services.config.server.send_queue && !this.#ending) {
      this.#services.telemetry.message("out", "dropped");
      this.end(1008, "slow_consumer");
    }
  }
}

/** The errors that count towards `messages.max_invalid`. */
const INVALID: ReadonlySet<number> = new Set([
  ErrorCode.PARSE_ERROR,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.METHOD_NOT_FOUND,
  ErrorCode.INVALID_PARAMS,
]);

/** The bytes of a frame are valid only while the front delivers it. */
function kept(request: RpcRequest | Frame): RpcRequest | Frame {
  return "data" in request && typeof request.data !== "string" ? { ...request, data: request.data.slice() } : request;
}

function retryData(verdict: NonNullable<Verdict>): string {
  return `{"retry_after_ms":${Math.ceil(verdict.retryAfterMs)}}`;
}
