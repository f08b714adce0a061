/**
 * Reads operations from a byte stream with any chunking, and validates each against the table.
 *
 * Way of a message: chunks come in, validated operations go out. Refuses what is not in the table: `WireError`, which
 * ends the peer.
 */
import { HEADER_BYTES, type OperationShape } from "./operations.ts";

/** One operation. The texts are views of the reader's memory, valid until the next call of the reader. */
export interface Operation {
  code: number;
  session: number;
  id: number;
  extra: number;
  first: Uint8Array;
  second: Uint8Array;
}

/** The peer violates the table of operations. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** The operations that a peer may send. */
export interface Protocol {
  /** `TO_CELL` or `TO_HOST`. */
  readonly table: ReadonlyMap<number, OperationShape>;
  /** Maximum size of a text with the bound "output", in bytes. */
  readonly output: number;
}

const EMPTY = new Uint8Array(0);

export class OperationReader {
  #table: ReadonlyMap<number, OperationShape>;
  #output: number;
  /** The same object each time. */
  readonly #operation: Operation = { code: 0, session: 0, id: 0, extra: 0, first: EMPTY, second: EMPTY };
  /** The current chunk, and the number of bytes that have been read of it. */
  #chunk: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  #at = 0;
  /** The start of an incomplete operation, and its length. */
  #partial: Uint8Array<ArrayBuffer> | null = null;
  #held = 0;

  constructor({ table, output }: Protocol) {
    this.#table = table;
    this.#output = output;
  }

  /** Number of stored bytes of an incomplete operation. */
  get held(): number {
    return this.#held;
  }

  /** Validates the following operations against another table. Not to be called within an operation. */
  use({ table, output }: Protocol): void {
    this.#table = table;
    this.#output = output;
  }

  /** Passes the next bytes, which `next` reads in place. To be called only after `next` has returned null. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#at = 0;
  }

  /**
   * Returns the next operation, the same object each time; null when further bytes are needed.
   *
   * @throws {WireError} if it violates the table
   */
  next(): Operation | null {
    if (this.#partial !== null) return this.#complete();
    const left = this.#chunk.length - this.#at;
    if (left >= HEADER_BYTES) {
      const at = this.#at;
      const length = this.#judge(this.#view, at);
      if (left >= length) {
        this.#at = at + length;
        return this.#read(this.#chunk, this.#view, at, length);
      }
      this.#keep(length);
    } else if (left > 0) this.#keep(HEADER_BYTES);
    return null;
  }

  /** Continues an incomplete operation. */
  #complete(): Operation | null {
    let partial = this.#partial!;
    if (this.#held < HEADER_BYTES) {
      this.#append(partial, HEADER_BYTES);
      if (this.#held < HEADER_BYTES) return null;
      const length = this.#judge(new DataView(partial.buffer), 0);
      if (length > partial.length) {
        const whole = new Uint8Array(length);
        whole.set(partial.subarray(0, this.#held));
        this.#partial = partial = whole;
      }
    }
    const view = new DataView(partial.buffer);
    const length = view.getUint32(0, true);
    this.#append(partial, length);
    if (this.#held < length) return null;
    this.#partial = null;
    this.#held = 0;
    return this.#read(partial, view, 0, length);
  }

  /** Moves bytes of the chunk to `partial` until it has `length` bytes. */
  #append(partial: Uint8Array, length: number): void {
    const part = this.#chunk.subarray(this.#at, this.#at + length - this.#held);
    partial.set(part, this.#held);
    this.#held += part.length;
    this.#at += part.length;
  }

  /** Stores the rest of the chunk, the start of an operation of at least `length` bytes. */
  #keep(length: number): void {
    this.#partial = new Uint8Array(length);
    this.#append(this.#partial, length);
  }

  /**
   * Validates a header against the table, before a byte of the texts is stored. Returns the length of the operation.
   */
  #judge(view: DataView, at: number): number {
    const length = view.getUint32(at, true);
    const code = view.getUint32(at + 4, true);
    const shape = this.#table.get(code);
    if (shape === undefined) throw new WireError(`operation ${code} does not exist`);
    const firstLength = view.getUint32(at + 20, true);
    const secondLength = length - HEADER_BYTES - firstLength;
    if (length < HEADER_BYTES || secondLength < 0) throw new WireError(`${shape.name}: the lengths do not add up`);
    const session = view.getUint32(at + 8, true);
    if (shape.session === undefined ? session !== 0 : shape.session === "required" && session === 0) {
      throw new WireError(`${shape.name}: session ${session} is not allowed`);
    }
    const id = view.getUint32(at + 12, true);
    if ((shape.id === undefined) !== (id === 0)) throw new WireError(`${shape.name}: number ${id} is not allowed`);
    const extra = view.getUint32(at + 16, true);
    if (extra > (shape.extra ?? 0)) throw new WireError(`${shape.name}: value ${extra} is not allowed`);
    if (firstLength > this.#most(shape.first) || secondLength > this.#most(shape.second)) {
      throw new WireError(`${shape.name}: a text is longer than allowed`);
    }
    return length;
  }

  #most(bound: number | "output" | undefined): number {
    return bound === "output" ? this.#output : bound ?? 0;
  }

  #read(bytes: Uint8Array, view: DataView, at: number, length: number): Operation {
    const operation = this.#operation;
    const start = at + HEADER_BYTES;
    const middle = start + view.getUint32(at + 20, true);
    const end = at + length;
    operation.code = view.getUint32(at + 4, true);
    operation.session = view.getUint32(at + 8, true);
    operation.id = view.getUint32(at + 12, true);
    operation.extra = view.getUint32(at + 16, true);
    operation.first = middle === start ? EMPTY : bytes.subarray(start, middle);
    operation.second = end === middle ? EMPTY : bytes.subarray(middle, end);
    return operation;
  }
}
