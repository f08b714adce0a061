import { headerSize, MAX_SERVER_HEADER, writeHeader } from "./encoder.ts";
import { Opcode } from "./opcodes.ts";

/** Texts up to this many characters are written character by character while they are ASCII (measured). */
const SPELL_UP_TO = 64;

/** Smallest buffer a writer starts with, in bytes. */
const FIRST_CAPACITY = 256;

/** Largest buffer a writer starts with because the last one was that big, in bytes. */
const MAX_FIRST_CAPACITY = 16 * 1024;

const utf8Encoder = new TextEncoder();

/**
 * Gathers frames, so that the many replies of a tick leave in one write.
 *
 * {@linkcode take} gives the buffer away for good: the writer never touches handed-out bytes again and holds nothing
 * until the next frame, so a socket may keep them as long as its write takes.
 */
export class FrameWriter {
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #size = 0;
  #firstCapacity = FIRST_CAPACITY;

  /** Bytes gathered and not yet taken. */
  get size(): number {
    return this.#size;
  }

  /** Adds a text frame. Lone surrogates become U+FFFD. */
  text(text: string): void {
    const length = text.length;
    if (length <= SPELL_UP_TO) {
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

  /** Adds a binary frame; `data` is copied. */
  binary(data: Uint8Array): void {
    this.frame(Opcode.binary, data);
  }

  /** Adds a whole frame of any opcode; `payload` is copied. */
  frame(opcode: number, payload: Uint8Array): void {
    const bytes = this.#room(headerSize(payload.length) + payload.length);
    const at = writeHeader(bytes, this.#size, opcode, payload.length);
    bytes.set(payload, at);
    this.#size = at + payload.length;
  }

  /** Adds a frame that is encoded already; `frame` is copied. */
  raw(frame: Uint8Array): void {
    this.#room(frame.length).set(frame, this.#size);
    this.#size += frame.length;
  }

  /** Hands out all bytes gathered, empty when there are none. They belong to the caller. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === null) return new Uint8Array(0);
    const taken = this.#bytes.subarray(0, this.#size);
    this.#firstCapacity = Math.min(Math.max(FIRST_CAPACITY, nextPowerOfTwo(this.#size)), MAX_FIRST_CAPACITY);
    this.#bytes = null;
    this.#size = 0;
    return taken;
  }

  /** UTF-8 is at most three bytes for each unit of a string; room is made for that, the header is fitted afterwards. */
  #longText(text: string): void {
    const bytes = this.#room(MAX_SERVER_HEADER + 3 * text.length);
    const start = this.#size;
    const guess = start + headerSize(text.length);
    const { written } = utf8Encoder.encodeInto(text, bytes.subarray(guess));
    const payload = start + headerSize(written);
    if (payload !== guess) bytes.copyWithin(payload, guess, guess + written);
    this.#size = writeHeader(bytes, start, Opcode.text, written) + written;
  }

  /** The buffer, with `count` free bytes after what is gathered. */
  #room(count: number): Uint8Array<ArrayBuffer> {
    const needed = this.#size + count;
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(Math.max(needed, this.#firstCapacity));
    } else if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}

function nextPowerOfTwo(size: number): number {
  return size <= 1 ? 1 : 2 ** (32 - Math.clz32(size - 1));
}
