/** Reads operations from a byte stream with any chunking, and validates each against the table. */
import { HEADER_BYTES, type OperationShape } from "./operations.ts";

/** One operation. The texts are views of the reader's memory, valid only during the call. */
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

export interface OperationReaderOptions {
  /** The operations that the peer may send: `TO_CELL` or `TO_HOST`. */
  readonly table: ReadonlyMap<number, OperationShape>;
  /** Maximum size of a text with the bound "output", in bytes. */
  readonly output: number;
  /** Called for each operation in order, with the same object each time. */
  readonly take: (operation: Operation) => void;
}

const EMPTY = new Uint8Array(0);

export class OperationReader {
  readonly #table: ReadonlyMap<number, OperationShape>;
  readonly #take: (operation: Operation) => void;
  readonly #output: number;
  readonly #operation: Operation = { code: 0, session: 0, id: 0, extra: 0, first: EMPTY, second: EMPTY };
  /** The start of an incomplete operation, and its length. */
  #partial: Uint8Array<ArrayBuffer> | null = null;
  #held = 0;
  #halted = false;

  constructor({ table, output, take }: OperationReaderOptions) {
    this.#table = table;
    this.#output = output;
    this.#take = take;
  }

  /** Number of stored bytes of an incomplete operation. */
  get held(): number {
    return this.#held;
  }

  /** Makes `push` return after the current operation. */
  halt(): void {
    this.#halted = true;
  }

  /**
   * Processes the next bytes.
   *
   * @returns bytes consumed: fewer than `chunk.length` only after `halt`; the rest must be passed again
   * @throws {WireError} at the first operation that violates the table; earlier ones were processed
   */
  push(chunk: Uint8Array): number {
    this.#halted = false;
    let at = 0;
    if (this.#partial !== null) at = this.#complete(chunk);
    if (this.#partial !== null) return at;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    while (!this.#halted && chunk.length - at >= HEADER_BYTES) {
      const length = this.#judge(view, at);
      if (chunk.length - at < length) break;
      this.#read(chunk, view, at, length);
      at += length;
    }
    if (this.#halted || at === chunk.length) return at;
    this.#keep(chunk, at);
    return chunk.length;
  }

  /** Continues an incomplete operation. Returns the number of bytes of `chunk` that belong to it. */
  #complete(chunk: Uint8Array): number {
    let partial = this.#partial!;
    let at = 0;
    if (this.#held < HEADER_BYTES) {
      at = Math.min(HEADER_BYTES - this.#held, chunk.length);
      partial.set(chunk.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < HEADER_BYTES) return at;
      const length = this.#judge(new DataView(partial.buffer), 0);
      if (length > partial.length) {
        const whole = new Uint8Array(length);
        whole.set(partial.subarray(0, this.#held));
        this.#partial = partial = whole;
      }
    }
    const view = new DataView(partial.buffer);
    const length = view.getUint32(0, true);
    const count = Math.min(length - this.#held, chunk.length - at);
    partial.set(chunk.subarray(at, at + count), this.#held);
    this.#held += count;
    if (this.#held < length) return at + count;
    this.#partial = null;
    this.#held = 0;
    this.#read(partial, view, 0, length);
    return at + count;
  }

  #keep(chunk: Uint8Array, at: number): void {
    const rest = chunk.length - at;
    const length = rest < HEADER_BYTES
      ? HEADER_BYTES
      : new DataView(chunk.buffer, chunk.byteOffset + at, HEADER_BYTES).getUint32(0, true);
    this.#partial = new Uint8Array(length);
    this.#partial.set(chunk.subarray(at));
    this.#held = rest;
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

  #read(bytes: Uint8Array, view: DataView, at: number, length: number): void {
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
    this.#take(operation);
  }
}
