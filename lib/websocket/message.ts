/** Storage of a message that arrives in parts. */
import { Opcode } from "./opcodes.ts";
import { decodeText, Utf8Judge } from "./utf8.ts";

/** Initial storage of a fragmented message in bytes. */
const FIRST_CAPACITY_BYTES = 256;

/**
 * The message being received, in one growing array if it arrives in parts.
 *
 * Storage is allocated for received bytes, never for an announced length. When full, it doubles (so all copies together
 * are less than twice the message), up to `limit`. The old array is freed at once (`ArrayBuffer.transfer`), not by the
 * garbage collector. Both exist during the copy, for one connection at a time.
 */
export class Message {
  /** Text or binary; 0 before a message. */
  opcode = 0;
  /** Number of frames received. */
  fragments = 0;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #size = 0;
  #ascii = true;
  #utf8: Utf8Judge | null = null;

  /** Payload bytes held. */
  get size(): number {
    return this.#size;
  }

  /** Allocated storage in bytes, the real cost of a connection. */
  get capacity(): number {
    return this.#bytes === null ? 0 : this.#bytes.length;
  }

  /**
   * Appends `source[start, end)`.
   *
   * @param ascii whether all bytes are ASCII
   * @param limit maximum storage in bytes, at least the appended total
   * @returns false at the first byte that makes a text invalid UTF-8 (RFC 6455 8.1)
   */
  append(source: Uint8Array, start: number, end: number, ascii: boolean, limit: number): boolean {
    if (this.opcode === Opcode.text && !this.#judge(source, start, end, ascii)) return false;
    if (start === end) return true;
    const needed = this.#size + end - start;
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(Math.min(Math.max(needed, FIRST_CAPACITY_BYTES), limit));
    } else if (needed > this.#bytes.length) {
      const capacity = Math.min(Math.max(needed, 2 * this.#bytes.length), limit);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
    }
    this.#bytes.set(source.subarray(start, end), this.#size);
    this.#size = needed;
    return true;
  }

  /** Returns the whole message and clears it; null when a text ends in an incomplete character. */
  take(): string | Uint8Array | null {
    const bytes = this.#bytes === null ? new Uint8Array(0) : this.#bytes.subarray(0, this.#size);
    const taken = this.opcode === Opcode.text ? decodeText(bytes, 0, bytes.length, this.#ascii) : bytes;
    this.clear();
    return taken;
  }

  /** Clears the message and releases its storage. */
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
