import { errorResponse, type RequestId, resultResponse } from "../rpc/rpc.ts";
import type { PendingCall } from "../sandbox/sandbox.ts";

/** What a call tells its session once it is settled. */
export interface CallOwner {
  /** `code` is 0 for a result, else the JSON-RPC error code. */
  settled(call: Call, code: number, response: string | null): void;
}

export interface CallOptions {
  /** `undefined` for a notification. */
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly batch: Batch | null;
  readonly startedAt: number;
  readonly traced: (result: string) => void;
}

/** One request on its way through a handler. Settles exactly once; whatever comes later is dropped. */
export class Call implements PendingCall {
  readonly method: string;
  /** The batch whose answer this call's answer is part of. */
  readonly batch: Batch | null;
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number;
  /** Ends the call's span with its result. */
  readonly traced: (result: string) => void;
  readonly #owner: CallOwner;
  readonly #id: RequestId | undefined;
  #settled = false;

  constructor(owner: CallOwner, { id, method, batch, startedAt, traced }: CallOptions) {
    this.#owner = owner;
    this.#id = id;
    this.method = method;
    this.batch = batch;
    this.startedAt = startedAt;
    this.traced = traced;
  }

  resolve(resultJson: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.settled(this, 0, this.#id === undefined ? null : resultResponse(this.#id, resultJson));
  }

  reject(code: number, dataJson?: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.settled(this, code, this.#id === undefined ? null : errorResponse(this.#id, code, dataJson));
  }
}

/** The answers of one batch, sent as one array when the last is there (JSON-RPC 2.0 section 6). */
export class Batch {
  /** Whether this batch has been counted as an invalid message. */
  invalid = false;
  readonly #responses: string[] = [];
  #open: number;

  constructor(elements: number) {
    this.#open = elements;
  }

  /** Takes one element's answer, null for a notification's. Returns the whole answer once all are there and any counts. */
  add(response: string | null): string | null {
    if (response !== null) this.#responses.push(response);
    if (--this.#open > 0 || this.#responses.length === 0) return null;
    return `[${this.#responses.join(",")}]`;
  }
}
