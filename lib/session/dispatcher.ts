/**
 * Dispatches a message that has paid its tokens to the handler, and sends the answer.
 *
 * Each request, and each raw frame, passes in this order: the envelope, the method, its roles, room within
 * `max_in_flight`, the method's own tokens. Requests that wait for room or tokens stay in order, and the session reads
 * nothing until they have passed. A synchronous answer does not run a waiting request twice ({@linkcode Backlog}).
 *
 * Way of a message: a message comes in from the session, its requests go to the cell or to a method of the server;
 * back, their answers go to {@linkcode Outgoing}. Refuses with -32700, -32600, -32601, -32003, -32004, -32001.
 */
import {
  ErrorCode,
  errorMeans,
  errorReason,
  errorResponse,
  isFault,
  isReserved,
  parseMessage,
  type RequestId,
  resultResponse,
  type RpcElement,
  type RpcRequest,
  type RpcResponse,
} from "../rpc/rpc.ts";
import { mayCall, type MethodContract, type PendingCall } from "../sandbox/sandbox.ts";
import { Backlog } from "../timing/backlog.ts";
import { builtins, contractOf } from "./builtins.ts";
import { Batch } from "./batch.ts";
import { PauseReason } from "./intake.ts";
import type { Refusals } from "./refusals.ts";
import type { SessionState } from "./state.ts";

/** A raw frame. It is dispatched like a request without id. */
interface Frame {
  readonly id: undefined;
  readonly method: "message";
  readonly data: string | Uint8Array;
}

/** The contract of raw frames. */
const FRAME: MethodContract = { name: "message", public: true, cost: 1, params: {} };

/** A request or frame that waits for room or tokens. */
interface WaitingRequest {
  readonly request: RpcRequest | Frame;
  readonly batch: Batch | null;
}

export class Dispatcher {
  readonly #session: SessionState;
  readonly #refusals: Refusals;
  readonly #waiting = new Backlog<WaitingRequest>();
  /** The first waiting request waits for its tokens, not for room: a timer resumes it. */
  #timed = false;
  /** A message is being dispatched: some of its elements may not have started yet. */
  #taking = false;
  #inFlight = 0;

  constructor(session: SessionState, refusals: Refusals) {
    this.#session = session;
    this.#refusals = refusals;
  }

  /** Whether every request has been answered. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#waiting.size === 0 && !this.#taking;
  }

  /** Dispatches a message of `bytes`; `utf8` is the UTF-8 of a text, if available. */
  dispatch(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void {
    this.#taking = true;
    try {
      this.#message(data, bytes, utf8);
    } finally {
      this.#taking = false;
    }
    this.#settleIfIdle();
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

  /** Drops waiting requests. */
  stop(): void {
    this.#waiting.clear();
  }

  /** Called once by each call. `code` is 0 for a result, else the JSON-RPC error code. `now` is monotonic. */
  settled(call: Call, code: number, response: RpcResponse | null, now = this.#session.services.monotonic()): void {
    const { telemetry } = this.#session.services;
    this.#inFlight--;
    call.traced(code === 0 ? "ok" : errorReason(code));
    telemetry.messageSeconds((now - call.startedAt) / 1000);
    if (this.#session.ending) return;
    this.#session.outgoing.answer(call.batch, response);
    if (code === 0) telemetry.message("in", "ok");
    // A declared error of the module is no failure to log.
    else if (!isReserved(code)) telemetry.message("in", errorReason(code));
    else {
      this.#session.rejected(errorReason(code), { method: call.method });
      this.#refusals.countInvalid(code, call.batch);
      // A raw client has no other signal for a lost frame.
      if (errorMeans(code) === "lost" && this.#session.module.contract.kind === "raw") {
        this.#session.end("internal");
      }
    }
    if (this.#waiting.size === 0) this.#settleIfIdle();
    else if (!this.#timed) this.#goOn();
  }

  #element(element: RpcElement, batch: Batch | null, bytes: number): void {
    if (this.#session.ending) return;
    if (isFault(element)) this.#refusals.fault(element.id, element.code, batch, { bytes });
    else this.#enter(element, batch);
  }

  /** Dispatches a request or frame, after those that wait. */
  #enter(request: RpcRequest | Frame, batch: Batch | null): void {
    if (this.#waiting.size > 0 || !this.#request(request, batch)) {
      this.#waiting.add({ request: kept(request), batch });
    }
  }

  /** Checks one request or frame and starts it; false when it has to wait for room or tokens. */
  #request(request: RpcRequest | Frame, batch: Batch | null): boolean {
    const { method, id } = request;
    const { services, identity } = this.#session;
    const contract = "data" in request ? FRAME : contractOf(this.#session.module.contract, method);
    if (!contract) {
      this.#refusals.fault(id, ErrorCode.METHOD_NOT_FOUND, batch, {});
      return true;
    }
    if (!mayCall(contract, identity.roles)) {
      this.#refusals.fault(id, ErrorCode.FORBIDDEN, batch, { method });
      return true;
    }
    if (this.#inFlight >= services.config.messages.max_in_flight) {
      if (this.#session.intake.pause(PauseReason.REQUEST)) return false;
      this.#refusals.request(id, ErrorCode.OVERLOADED, batch, { method });
      return true;
    }
    const verdict = this.#session.limits.call(method, contract.cost, this.#session.monotonicNow);
    if (verdict !== null) {
      if (verdict.action === "delay" && this.#session.intake.pause(PauseReason.REQUEST)) {
        this.#timed = true;
        this.#session.intake.wait(verdict.retryAfterMs, () => {
          this.#timed = false;
          this.#goOn();
        });
        return false;
      }
      this.#refusals.overLimit(id, verdict, batch, { method });
      return true;
    }
    this.#run(request, batch);
    return true;
  }

  /** Passes a request or frame to the server's method or the cell, which may settle it synchronously. */
  #run(request: RpcRequest | Frame, batch: Batch | null): void {
    const { method, id } = request;
    const { services, module } = this.#session;
    this.#inFlight++;
    const call = new Call(this, {
      id,
      method,
      batch,
      startedAt: this.#session.monotonicNow,
      traced: services.tracing.call(method, module.subprotocol),
    });
    try {
      if ("data" in request) return this.#session.line.message(request.data, call);
      const builtin = builtins.get(method);
      if (!builtin) return this.#session.line.call(method, request.text, call);
      builtin.run(this.#session, request, call)?.catch((error) => this.#failed(call, error));
    } catch (error) {
      this.#failed(call, error);
    }
  }

  /** Answers -32603 with the `ref` of the logged error. */
  #failed(call: Call, error: unknown): void {
    const { id, services, subprotocol } = this.#session;
    const ref = crypto.randomUUID();
    services.log.error("handler.failed", { module: subprotocol, method: call.method, conn: id, ref, error });
    call.reject(ErrorCode.INTERNAL_ERROR, JSON.stringify({ ref }));
  }

  #settleIfIdle(): void {
    if (this.idle) this.#session.settleUp();
  }

  /** Resumes waiting requests in order, then reading. */
  #goOn(): void {
    const done = this.#waiting.run(({ request, batch }) => !this.#session.ending && this.#request(request, batch));
    if (done) this.#session.intake.resume(PauseReason.REQUEST);
    this.#settleIfIdle();
  }
}

export interface CallOptions {
  /** `undefined` for a notification. */
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly batch: Batch | null;
  readonly startedAt: number;
  readonly traced: (result: string) => void;
}

/** A request that a handler executes. It settles exactly once; later settlements are ignored. */
export class Call implements PendingCall {
  readonly method: string;
  /** The batch that this call belongs to. */
  readonly batch: Batch | null;
  /** Start on the monotonic clock, in milliseconds. */
  readonly startedAt: number;
  /** Ends the call's span with its result. */
  readonly traced: (result: string) => void;
  readonly #dispatcher: Dispatcher;
  readonly #id: RequestId | undefined;
  #settled = false;

  constructor(dispatcher: Dispatcher, { id, method, batch, startedAt, traced }: CallOptions) {
    this.#dispatcher = dispatcher;
    this.#id = id;
    this.method = method;
    this.batch = batch;
    this.startedAt = startedAt;
    this.traced = traced;
  }

  resolve(resultJson: string | Uint8Array, now?: number): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#dispatcher.settled(this, 0, this.#id === undefined ? null : resultResponse(this.#id, resultJson), now);
  }

  reject(code: number, dataJson?: string, message?: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#dispatcher.settled(
      this,
      code,
      this.#id === undefined ? null : errorResponse(this.#id, code, dataJson, message),
    );
  }
}

/** Copies the bytes of a message, which are valid only during delivery. */
function kept(request: RpcRequest | Frame): RpcRequest | Frame {
  if ("data" in request) return typeof request.data === "string" ? request : { ...request, data: request.data.slice() };
  return typeof request.text === "string" ? request : { ...request, text: request.text.slice() };
}
