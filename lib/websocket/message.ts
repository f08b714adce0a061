import { Opcode } from "./opcodes.ts";
import { decodeText, Utf8Judge } from "./utf8.ts";

/** First storage of a message that comes in pieces, in bytes. */
const FIRST_CAPACITY = 256;

/**
 * The message being received, in one growing array as far as it comes in pieces.
 *
 * Growth: storage is made for bytes that are here, never for a length a header announces. When full it doubles (so all
 * copies together are less than twice the message), but never beyond `limit`. The old array is given back to the system
 * in the moment of growing (`ArrayBuffer.transfer`), not when the collector comes by; while it is copied both exist, for
 * one connection at a time.
 */
export class Message {
  /** Text or binary; 0 when no message has begun. */
  opcode = 0;
  /** Frames so far. */
  fragments = 0;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #size = 0;
  #ascii = true;
  #utf8: Utf8Judge | null = null;

  /** Payload bytes held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of storage behind them; the honest figure for what a connection costs. */
  get capacity(): number {
    return this.#bytes === null ? 0 : this.#bytes.length;
  }

  /**
   * Copies `source[start, end)` to the end.
   *
   * @param ascii all of it is
   * @param limit caps the storage (bytes), and holds what is appended
   * @returns false when the message is text and this can't go on with it: RFC 6455 8.1, at the first wrong byte
   */
  append(source: Uint8Array, start: number, end: number, ascii: boolean, limit: number): boolean {
    if (this.opcode === Opcode.text && !this.#judge(source, start, end, ascii)) return false;
    if (start === end) return true;
    const needed = this.#size + end - start;
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(Math.min(Math.max(needed, FIRST_CAPACITY), limit));
    } else if (needed > this.#bytes.length) {
      const capacity = Math.min(Math.max(needed, 2 * this.#bytes.length), limit);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
    }
    this.#bytes.set(source.subarray(start, end), this.#size);
    this.#size = needed;
    return true;
  }

  /** The whole message, after which there is none; null when text ends in half a character. */
  take(): string | Uint8Array | null {
    const bytes = this.#bytes === null ? new Uint8Array(0) : this.#bytes.subarray(0, this.#size);
    const taken = this.opcode === Opcode.text ? decodeText(bytes, 0, bytes.length, this.#ascii) : bytes;
    this.clear();
    return taken;
  }

  /** Forgets the message and gives its storage away. */
  clear(): void {
    this.opcode = 0;
    this.fragments = 0;
    this.#bytes = null;
    this.#size = 0;
    this.#ascii = true;
  }

  #judge(source: Uint8Array, start: number, end: number, ascii: boolean): boolean {
    if (ascii && (this.#utf8 === null || this.#utf8.complete)) return true;
    this.#ascii = false;
    this.#utf8 ??= new Utf8Judge();
    return this.#utf8.push(source, start, end);
  }
}
