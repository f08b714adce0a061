/**
 * A connection with operations in both directions: collects written operations in one growing buffer, sends one write at a
 * time, and reads chunks.
 *
 * Way of a message: operations come in and leave as bytes of one write; at the other end, chunks are read. Refuses
 * nothing.
 */
import { Buffer } from "node:buffer";
import { HEADER_BYTES } from "./operations.ts";

/** Most bytes of a chunk. */
export const READ_BUFFER_BYTES = 64 * 1024;
const FIRST_CAPACITY_BYTES = 4 * 1024;
/** A buffer above this capacity is released after it is sent. */
const KEPT_CAPACITY_BYTES = 256 * 1024;
/** Strings up to this length are written character by character while they are ASCII. */
const MAX_SPELLED_LENGTH = 48;

const utf8 = new TextEncoder();

/** A text: characters, or bytes of UTF-8. */
export type Text = string | Uint8Array;

/** The part of `Deno.Conn` that a stream uses. */
export interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

export class OperationStream {
  readonly out = new OperationWriter();
  readonly #connection: ByteStream;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);
  #writing = false;
  #inFlight = 0;
  #over = false;

  constructor(connection: ByteStream) {
    this.#connection = connection;
  }

  /** Bytes that are not yet in the kernel. */
  get pending(): number {
    return this.out.size + this.#inFlight;
  }

  /** Sends collected operations, at once or after the pending write. */
  flush = (): void => {
    if (this.#writing || this.#over || this.out.size === 0) return;
    this.#writing = true;
    void this.#writeAll();
  };

  /** Reads the next chunk, valid until the next call. Resolves to null once the connection has ended or failed. */
  async read(): Promise<Uint8Array | null> {
    try {
      const count = this.#over ? null : await this.#connection.read(this.#buffer);
      if (count !== null && !this.#over) return this.#buffer.subarray(0, count);
    } catch {
      // A failed connection has ended.
    }
    this.close();
    return null;
  }

  /** Ends the connection. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#connection.close();
    } catch {
      // The connection is already closed.
    }
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.out.size > 0 && !this.#over) {
        const bytes = this.out.take();
        this.#inFlight = bytes.length;
        for (let at = 0; at < bytes.length;) at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
        this.#inFlight = 0;
        this.out.giveBack(bytes);
      }
    } catch {
      this.close();
    }
    this.#writing = false;
  }
}

/** Writes operations into a growing buffer, which is sent as a whole. */
export class OperationWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;
  /** A sent buffer that can be reused. */
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /** Number of collected bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds one operation; bytes are copied. The caller must observe the table of operations. */
  write(code: number, session: number, id: number, extra: number, first: Text = "", second: Text = ""): void {
    const start = this.#size;
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(HEADER_BYTES + most(first) + most(second));
    const middle = this.#put(first, start + HEADER_BYTES);
    const end = this.#put(second, middle);
    const view = this.#view;
    view.setUint32(start, end - start, true);
    view.setUint32(start + 4, code, true);
    view.setUint32(start + 8, session, true);
    view.setUint32(start + 12, id, true);
    view.setUint32(start + 16, extra, true);
    view.setUint32(start + 20, middle - start - HEADER_BYTES, true);
    this.#size = end;
  }

  /** Returns all collected bytes. `giveBack` lets the writer reuse the buffer once it is sent. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    this.#use(this.#spare ?? new Uint8Array(FIRST_CAPACITY_BYTES));
    this.#spare = null;
    return taken;
  }

  /** Returns a buffer from `take` to the writer. */
  giveBack(taken: Uint8Array<ArrayBuffer>): void {
    const { buffer } = taken;
    if (buffer.byteLength <= KEPT_CAPACITY_BYTES) this.#spare = new Uint8Array(buffer);
  }

  #put(text: Text, at: number): number {
    const bytes = this.#bytes;
    if (typeof text !== "string") {
      bytes.set(text, at);
      return at + text.length;
    }
    const length = text.length;
    if (length > MAX_SPELLED_LENGTH) return at + utf8.encodeInto(text, bytes.subarray(at)).written;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return at + utf8.encodeInto(text, bytes.subarray(at)).written;
      bytes[at + index] = unit;
    }
    return at + length;
  }

  #reserve(count: number): void {
    const needed = this.#size + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#use(grown);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function most(text: Text): number {
  if (typeof text !== "string") return text.length;
  return text.length <= 1024 ? 3 * text.length : Buffer.byteLength(text);
}
