/** Batches of JSON-RPC requests. */
import { Buffer } from "node:buffer";
import type { RpcResponse } from "../rpc/rpc.ts";

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
