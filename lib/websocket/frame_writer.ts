/**
 * Collects frames of a socket for one write.
 *
 * Way of a message: texts come in, frames of one write go out. Refuses nothing.
 */
import { Buffer } from "node:buffer";
import { headerSize, writeHeader } from "./encoder.ts";
import { Opcode } from "./opcodes.ts";

/** Texts up to this length are written character by character while they are ASCII (measured). */
const MAX_SPELLED_LENGTH = 48;

/** Minimum size of a writer's first buffer, in bytes. */
const FIRST_CAPACITY_BYTES = 64;

/** Maximum size of a writer's first buffer, in bytes. Its size follows that of the last one. */
const MAX_FIRST_CAPACITY_BYTES = 2 * 1024;

/** A larger buffer grows by a quarter: for a slow reader's queue, memory counts more than copies. */
const DOUBLE_UP_TO_BYTES = 64 * 1024;

const utf8Encoder = new TextEncoder();

/**
 * Collects frames, so that the replies of a tick leave in one write.
 *
 * {@linkcode take} gives the buffer away permanently. The writer never touches it again and allocates the next one at
 * the next frame, so a socket may keep the buffer as long as its write takes.
 */
export class FrameWriter {
  #bytes: Buffer<ArrayBuffer> | null = null;
  #size = 0;
  #firstCapacity = FIRST_CAPACITY_BYTES;

  /** Number of collected bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds a text frame. Lone surrogates become U+FFFD. */
  text(text: string): void {
    const length = text.length;
    if (length <= MAX_SPELLED_LENGTH) {
      const bytes = this.#room(2 + length);
      let at = this.#size + 2;
      for (let index = 0; index < length; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) return this.#longText(text);
        bytes[at++] = unit;
      }
      bytes[this.#size] = 0x80 | Opcode.text;
      bytes[this.#size + 1] = length;
      this.#size = at;
      return;
    }
    this.#longText(text);
  }

  /** Adds a text frame of `head`, `body` (UTF-8, copied) and `tail`. */
  textAround(head: string, body: Uint8Array, tail: string): void {
    const headLength = Buffer.byteLength(head);
    const length = headLength + body.length + tail.length;
    const bytes = this.#room(headerSize(length) + length);
    let at = writeHeader(bytes, this.#size, Opcode.text, length);
    at = spell(bytes, at, head, headLength);
    bytes.set(body, at);
    this.#size = spell(bytes, at + body.length, tail, tail.length);
  }

  /** Adds a binary frame; `data` is copied. */
  binary(data: Uint8Array): void {
    this.frame(Opcode.binary, data);
  }

  /** Adds a frame of any opcode; `payload` is copied. */
  frame(opcode: number, payload: Uint8Array): void {
    const bytes = this.#room(headerSize(payload.length) + payload.length);
    const at = writeHeader(bytes, this.#size, opcode, payload.length);
    bytes.set(payload, at);
    this.#size = at + payload.length;
  }

  /** Adds an encoded frame; `frame` is copied. */
  raw(frame: Uint8Array): void {
    this.#room(frame.length).set(frame, this.#size);
    this.#size += frame.length;
  }

  /** Returns all collected bytes, empty if none. They belong to the caller. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === null) return new Uint8Array(0);
    const taken = this.#bytes.subarray(0, this.#size);
    this.#firstCapacity = Math.min(
      Math.max(FIRST_CAPACITY_BYTES, nextPowerOfTwo(this.#size)),
      MAX_FIRST_CAPACITY_BYTES,
    );
    this.#bytes = null;
    this.#size = 0;
    return taken;
  }

  /** The header contains the length, so the text is measured first, which is cheaper than reserving the maximum. */
  #longText(text: string): void {
    const length = Buffer.byteLength(text);
    const bytes = this.#room(headerSize(length) + length);
    const at = writeHeader(bytes, this.#size, Opcode.text, length);
    utf8Encoder.encodeInto(text, bytes.subarray(at, at + length));
    this.#size = at + length;
  }

  /**
   * Returns the buffer with `count` free bytes. Small buffers are cut from a pool whose memory is never reused, at a
   * fifth of the cost of an array; `take` hands out only written bytes.
   */
  #room(count: number): Buffer<ArrayBuffer> {
    const needed = this.#size + count;
    if (this.#bytes === null) {
      this.#bytes = Buffer.allocUnsafe(Math.max(needed, this.#firstCapacity));
    } else if (needed > this.#bytes.length) {
      const growth = this.#bytes.length < DOUBLE_UP_TO_BYTES ? 2 : 1.25;
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.ceil(growth * this.#bytes.length)));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}

/** Writes `text`, which has `length` bytes of UTF-8, and returns its end. */
function spell(bytes: Uint8Array, at: number, text: string, length: number): number {
  if (length !== text.length) utf8Encoder.encodeInto(text, bytes.subarray(at, at + length));
  else for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + length;
}

function nextPowerOfTwo(size: number): number {
  return size <= 1 ? 1 : 2 ** (32 - Math.clz32(size - 1));
}
