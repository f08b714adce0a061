/**
 * From a message that has its tokens to the handler, and back to the answer.
 *
 * Each request, and each raw frame, passes in this order: the envelope, the method, its roles, room within
 * `max_in_flight`, the method's own tokens. What has to wait for room or tokens waits in order, and the session reads
 * nothing meanwhile. An answer that comes at once, while others still wait, runs nothing a second time ({@linkcode Backlog}).
 */
import type { SessionLimits, Verdict } from "../limits/limits.ts";
import {
  ErrorCode,
  errorReason,
  errorResponse,
  isFault,
  parseMessage,
  type RpcElement,
  type RpcRequest,
  type RpcResponse,
} from "../rpc/rpc.ts";
import { type Line, mayCall, type MethodContract } from "../sandbox/sandbox.ts";
import { Backlog } from "../timing/backlog.ts";
import { builtins } from "./builtins.ts";
import { Batch, Call, type CallOwner } from "./calls.ts";
import { type Intake, PauseReason } from "./intake.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Session } from "./session.ts";

/** A raw frame, on the same way as a request without id. */
interface Frame {
  readonly id: undefined;
  readonly method: "message";
  readonly data: string | Uint8Array;
}

/** What a raw frame has in place of a method's contract. */
const FRAME: MethodContract = { name: "message", public: true, cost: 1, params: {} };

/** The errors that count towards `messages.max_invalid`. */
const INVALID: ReadonlySet<number> = new Set([
  ErrorCode.PARSE_ERROR,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.METHOD_NOT_FOUND,
  ErrorCode.INVALID_PARAMS,
]);

/** The errors that mean that a raw frame was not handled: the handler failed, its cell ended or is full, time was up. */
const LOST: ReadonlySet<number> = new Set([ErrorCode.INTERNAL_ERROR, ErrorCode.OVERLOADED, ErrorCode.TIMEOUT]);

/** A request or a frame waiting for room or tokens. */
interface Waiting {
  readonly request: RpcRequest | Frame;
  readonly batch: Batch | null;
}

export interface DispatcherOptions {
  readonly session: Session;
  readonly line: Line;
  readonly limits: SessionLimits;
  readonly intake: Intake;
  readonly outgoing: Outgoing;
}

export class Dispatcher implements CallOwner {
  readonly #session: Session;
  readonly #line: Line;
  readonly #limits: SessionLimits;
  readonly #intake: Intake;
  readonly #outgoing: Outgoing;
  readonly #waiting = new Backlog<Waiting>();
  /** The first waiting request waits for its tokens, not for room: its timer goes on with it. */
  #timed = false;
  /** A message is being taken: some of its elements may not be on their way yet. */
  #taking = false;
  #inFlight = 0;
  #invalid = 0;

  constructor({ session, line, limits, intake, outgoing }: DispatcherOptions) {
    this.#session = session;
    this.#line = line;
    this.#limits = limits;
    this.#intake = intake;
    this.#outgoing = outgoing;
  }

  /** Whether everything taken has been answered. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#waiting.size === 0 && !this.#taking;
  }

  /** Takes a message of `bytes`; `utf8` is a text as it came, if it is at hand. */
  take(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void {
    this.#taking = true;
    try {
      this.#message(data, bytes, utf8);
    } finally {
      this.#taking = false;
    }
    this.#session.settleUp();
  }

  #message(data: string | Uint8Array, bytes: number, utf8: Uint8Array | undefined): void {
    if (this.#session.module.contract.kind === "raw") {
      this.#enter({ id: undefined, method: "message", data }, null);
      return;
    }
    const message = parseMessage(data as string, this.#session.services.config.messages, utf8);
    if (!message.batch) {
      this.#element(message.element, null, bytes);
      return;
    }
    const batch = new Batch(message.elements.length);
    for (const element of message.elements) this.#element(element, batch, bytes);
  }

  /** Answers every request of a message that has no tokens, with the ids it has and when all of it can be sent again. */
  refuse(data: string | Uint8Array, bytes: number): void {
    if (this.#session.module.contract.kind === "raw") return;
    const message = parseMessage(data as string, this.#session.services.config.messages);
    const elements = message.batch ? message.elements : [message.element];
    const cost = elements.reduce((sum, element) => sum + this.#costOf(element), 0);
    const only = message.batch || isFault(message.element) ? "" : message.element.method;
    const retry = retryData(this.#limits.resend(bytes, only, cost));
    const answer = (element: RpcElement) =>
      element.id === undefined ? null : errorResponse(element.id, ErrorCode.RATE_LIMITED, retry);
    if (!message.batch) return this.#reply(null, answer(message.element));
    const batch = new Batch(message.elements.length);
    for (const element of message.elements) this.#reply(batch, answer(element));
  }

  /** Nothing that waits is sent on its way any more. */
  end(): void {
    this.#waiting.clear();
  }

  settled(call: Call, code: number, response: RpcResponse | null): void {
    const { monotonic, telemetry } = this.#session.services;
    this.#inFlight--;
    call.traced(code === 0 ? "ok" : errorReason(code));
    telemetry.messageSeconds((monotonic() - call.startedAt) / 1000);
    if (this.#session.ending) return;
    this.#reply(call.batch, response);
    if (code === 0) telemetry.message("in", "ok");
    else {
      this.#session.rejected(errorReason(code), { method: call.method });
      this.#countInvalid(code, call.batch);
      // A raw client can't be told otherwise that its frame was lost.
      if (LOST.has(code) && this.#session.module.contract.kind === "raw") {
        this.#session.end(1011, "internal");
      }
    }
    if (this.#waiting.size === 0) this.#session.settleUp();
    else if (!this.#timed) this.#goOn();
  }

  #contract(method: string): MethodContract | undefined {
    return builtins.get(method)?.contract ?? this.#session.module.contract.methods.get(method);
  }

  #costOf(element: RpcElement): number {
    return isFault(element) ? 1 : this.#contract(element.method)?.cost ?? 1;
  }

  #element(element: RpcElement, batch: Batch | null, bytes: number): void {
    if (this.#session.ending) return;
    if (isFault(element)) this.#fault(element.id, element.code, batch, { bytes });
    else this.#enter(element, batch);
  }

  /** Sends a request or frame on its way, behind those that wait. */
  #enter(request: RpcRequest | Frame, batch: Batch | null): void {
    if (this.#waiting.size > 0 || !this.#request(request, batch)) {
      this.#waiting.add({ request: kept(request), batch });
    }
  }

  /** Judges one request or frame and sends it on its way; false when it has to wait for room or tokens. */
  #request(request: RpcRequest | Frame, batch: Batch | null): boolean {
    const { method, id } = request;
    const { services, identity } = this.#session;
    const contract = "data" in request ? FRAME : this.#contract(method);
    if (!contract) {
      this.#fault(id, ErrorCode.METHOD_NOT_FOUND, batch, {});
      return true;
    }
    if (!mayCall(contract, identity.roles)) {
      this.#fault(id, ErrorCode.FORBIDDEN, batch, { method });
      return true;
    }
    if (this.#inFlight >= services.config.messages.max_in_flight) {
      if (this.#intake.pause(PauseReason.REQUEST)) return false;
      this.#refuse(id, ErrorCode.OVERLOADED, batch, { method });
      return true;
    }
    const verdict = this.#limits.call(method, contract.cost);
    if (verdict !== null) {
      if (verdict.action === "delay" && this.#intake.pause(PauseReason.REQUEST)) {
        this.#timed = true;
        this.#intake.wait(verdict.retryAfterMs, () => {
          this.#timed = false;
          this.#goOn();
        });
        return false;
      }
      this.#refuse(
        id,
        ErrorCode.RATE_LIMITED,
        batch,
        { method, scope: verdict.scope },
        verdict,
      );
      return true;
    }
    this.#run(request, batch);
    return true;
  }

  /** Hands a request or frame to what answers it, which may happen before this returns. */
  #run(request: RpcRequest | Frame, batch: Batch | null): void {
    const { method, id } = request;
    const { services, module } = this.#session;
    this.#inFlight++;
    const call = new Call(this, {
      id,
      method,
      batch,
      startedAt: services.monotonic(),
      traced: services.tracing.call(method, module.subprotocol),
    });
    try {
      if ("data" in request) return this.#line.message(request.data, call);
      const builtin = builtins.get(method);
      if (!builtin) return this.#line.call(method, request.text, call);
      builtin.run(this.#session, request, call)?.catch((error) => this.#failed(call, error));
    } catch (error) {
      this.#failed(call, error);
    }
  }

  /** Answers -32603 with the reference under which the log has the error. */
  #failed(call: Call, error: unknown): void {
    const { id, services, subprotocol } = this.#session;
    const ref = crypto.randomUUID();
    services.log.error("handler.failed", { module: subprotocol, method: call.method, conn: id, ref, error });
    call.reject(ErrorCode.INTERNAL_ERROR, JSON.stringify({ ref }));
  }

  /** Goes on with what waited, in order, then reads on. */
  #goOn(): void {
    const done = this.#waiting.run(({ request, batch }) => !this.#session.ending && this.#request(request, batch));
    if (done) this.#intake.resume(PauseReason.REQUEST);
    this.#session.settleUp();
  }

  /** Refuses an element that reaches no handler; it costs what the cheapest good one does. */
  #fault(id: RpcRequest["id"], code: number, batch: Batch | null, fields: Record<string, unknown>): void {
    const verdict = this.#limits.call("", 1);
    if (verdict === null) this.#refuse(id, code, batch, fields);
    else {
      this.#refuse(id, ErrorCode.RATE_LIMITED, batch, { ...fields, scope: verdict.scope }, verdict);
    }
  }

  /** Answers, logs and counts one refused element; closes when there were too many. */
  #refuse(
    id: RpcRequest["id"],
    code: number,
    batch: Batch | null,
    fields: Record<string, unknown>,
    verdict: Verdict = null,
  ): void {
    const data = verdict === null ? undefined : retryData(verdict.retryAfterMs);
    this.#reply(batch, id === undefined ? null : errorResponse(id, code, data));
    if (verdict !== null) {
      this.#session.violated("rate_limited", fields, verdict.excused);
      return;
    }
    this.#session.rejected(errorReason(code), fields);
    this.#countInvalid(code, batch);
  }

  #countInvalid(code: number, batch: Batch | null): void {
    if (!INVALID.has(code) || batch?.invalid) return;
    if (batch) batch.invalid = true;
    const { max_invalid } = this.#session.services.config.messages;
    if (++this.#invalid >= max_invalid) this.#session.end(1008, "invalid_messages");
  }

  #reply(batch: Batch | null, response: RpcResponse | null): void {
    const whole = batch ? batch.add(response) : response;
    // Answers that exceed the queue together are not even put together.
    if (batch !== null && batch.size > this.#session.services.config.server.send_queue) return this.#outgoing.giveUp();
    if (typeof whole === "string") this.#outgoing.send(whole);
    else if (whole !== null) this.#outgoing.sendAround(whole.head, whole.body, whole.tail);
  }
}

/** The bytes of a message are valid only while the front delivers it. */
function kept(request: RpcRequest | Frame): RpcRequest | Frame {
  if ("data" in request) return typeof request.data === "string" ? request : { ...request, data: request.data.slice() };
  return typeof request.text === "string" ? request : { ...request, text: request.text.slice() };
}

function retryData(milliseconds: number): string {
  return `{"retry_after_ms":${milliseconds}}`;
}
