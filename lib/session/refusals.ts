/** Refuses messages and requests of a session. */
import {
  ErrorCode,
  errorMeans,
  errorReason,
  errorResponse,
  isFault,
  parseMessage,
  type RpcElement,
  type RpcRequest,
} from "../rpc/rpc.ts";
import type { Verdict } from "../limits/limits.ts";
import { contractOf } from "./builtins.ts";
import { Batch } from "./batch.ts";
import type { SessionState } from "./state.ts";

/** Answers, logs and counts refused requests, and closes a session with too many of them. */
export class Refusals {
  readonly #session: SessionState;
  #invalid = 0;

  constructor(session: SessionState) {
    this.#session = session;
  }

  /**
   * Answers every request of a message without tokens, with its id and the time after which the message can be sent
   * again.
   */
  message(data: string | Uint8Array, bytes: number): void {
    const { limits, module, monotonicNow, outgoing, services } = this.#session;
    if (module.contract.kind === "raw") return;
    const message = parseMessage(data as string, services.config.messages);
    const elements = message.batch ? message.elements : [message.element];
    const cost = elements.reduce((sum, element) => sum + this.#costOf(element), 0);
    const only = message.batch || isFault(message.element) ? "" : message.element.method;
    const retry = retryData(limits.resend(bytes, only, cost, monotonicNow));
    const answer = (element: RpcElement) =>
      element.id === undefined ? null : errorResponse(element.id, ErrorCode.RATE_LIMITED, retry);
    if (!message.batch) return outgoing.answer(null, answer(message.element));
    const batch = new Batch(message.elements.length);
    for (const element of message.elements) outgoing.answer(batch, answer(element));
  }

  /**
   * Refuses an invalid element, or one whose method does not exist or is not allowed. It costs as much as the cheapest
   * request.
   */
  fault(id: RpcRequest["id"], code: number, batch: Batch | null, fields: Record<string, unknown>): void {
    const verdict = this.#session.limits.call("", 1, this.#session.monotonicNow);
    if (verdict === null) this.request(id, code, batch, fields);
    else this.overLimit(id, verdict, batch, fields);
  }

  /** Refuses a request for a reason of the server or of the caller. */
  request(id: RpcRequest["id"], code: number, batch: Batch | null, fields: Record<string, unknown>): void {
    this.#session.outgoing.answer(batch, id === undefined ? null : errorResponse(id, code));
    this.#session.rejected(errorReason(code), fields);
    this.countInvalid(code, batch);
  }

  /** Refuses a request for which the tokens are missing. */
  overLimit(
    id: RpcRequest["id"],
    { scope, retryAfterMs, excused }: NonNullable<Verdict>,
    batch: Batch | null,
    fields: Record<string, unknown>,
  ): void {
    const response = id === undefined ? null : errorResponse(id, ErrorCode.RATE_LIMITED, retryData(retryAfterMs));
    this.#session.outgoing.answer(batch, response);
    this.#session.violated("rate_limited", { ...fields, scope }, excused);
  }

  /** Counts an error of the client, once for each batch; closes at the `messages.max_invalid`-th. */
  countInvalid(code: number, batch: Batch | null): void {
    if (errorMeans(code) !== "invalid" || batch?.invalid) return;
    if (batch) batch.invalid = true;
    const { max_invalid } = this.#session.services.config.messages;
    if (++this.#invalid >= max_invalid) this.#session.end("invalid_messages");
  }

  #costOf(element: RpcElement): number {
    return isFault(element) ? 1 : contractOf(this.#session.module.contract, element.method)?.cost ?? 1;
  }
}

function retryData(milliseconds: number): string {
  return `{"retry_after_ms":${milliseconds}}`;
}
