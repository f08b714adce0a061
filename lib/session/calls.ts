/** Calls of a session, and the batches they belong to. */
import { Buffer } from "node:buffer";
import { errorResponse, type RequestId, resultResponse, type RpcResponse } from "../rpc/rpc.ts";
import type { PendingCall } from "../sandbox/sandbox.ts";

/** Notified when a call is settled. */
export interface CallOwner {
  /** `code` is 0 for a result, otherwise the JSON-RPC error code. */
  settled(call: Call, code: number, response: RpcResponse | null): void;
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

  resolve(resultJson: string | Uint8Array): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.settled(this, 0, this.#id === undefined ? null : resultResponse(this.#id, resultJson));
  }

  reject(code: number, dataJson?: string, message?: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.settled(this, code, this.#id === undefined ? null : errorResponse(this.#id, code, dataJson, message));
  }
}

/** The answers of a batch, sent as one array when all are complete (JSON-RPC 2.0 section 6). */
export class Batch {
  /** Whether this batch has been counted as an invalid message. */
  invalid = false;
  readonly #responses: (string | Uint8Array)[] = [];
  #open: number;
  #size = 0;

  constructor(elements: number) {
    this.#open = elements;
  }

  /** Size of the answers so far: bytes, or UTF-16 units of text. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds the answer of one element, null for a notification. Returns the whole answer once all are complete, unless it
   * is empty.
   */
  add(response: RpcResponse | null): RpcResponse | null {
    if (response !== null) {
      const one = typeof response === "string" ? response : joined(response);
      this.#responses.push(one);
      this.#size += one.length;
    }
    if (--this.#open > 0 || this.#responses.length === 0) return null;
    if (this.#responses.every((one) => typeof one === "string")) return `[${this.#responses.join(",")}]`;
    const body = Buffer.concat(
      this.#responses.flatMap((one, index) => index === 0 ? [bytes(one)] : [COMMA, bytes(one)]),
    );
    return { head: "[", body, tail: "]" };
  }
}

const COMMA = Buffer.from(",");

function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}

/** Copies a response, because its body is valid only now. */
function joined({ head, body, tail }: Exclude<RpcResponse, string>): Uint8Array {
  return Buffer.concat([Buffer.from(head), body, Buffer.from(tail)]);
}
