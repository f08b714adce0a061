/** First storage of a message that comes in pieces, in bytes. */
const FIRST_CAPACITY = 256;

/**
 * The bytes of one message that comes in pieces, in one growing array.
 *
 * Growth: storage is made for bytes that are here, never for a length a header announces. When full it doubles (so all
 * copies together are less than twice the message), but never beyond `limit`. The old array is given back to the system
 * in the moment of growing (`ArrayBuffer.transfer`), not when the collector comes by; while it is copied both exist, for
 * one connection at a time.
 */
export class MessageBuffer {
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #size = 0;

  /** Payload bytes held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of storage behind them; the honest figure for what a connection costs. */
  get capacity(): number {
    return this.#bytes === null ? 0 : this.#bytes.length;
  }

  /** Copies `source[start, end)` to the end; `limit` (bytes) caps the storage and must hold what is appended. */
  append(source: Uint8Array, start: number, end: number, limit: number): void {
    if (start === end) return;
    const needed = this.#size + end - start;
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(Math.min(Math.max(needed, FIRST_CAPACITY), limit));
    } else if (needed > this.#bytes.length) {
      const capacity = Math.min(Math.max(needed, 2 * this.#bytes.length), limit);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
    }
    this.#bytes.set(source.subarray(start, end), this.#size);
    this.#size = needed;
  }

  /** Hands the bytes over and is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes === null ? new Uint8Array(0) : this.#bytes.subarray(0, this.#size);
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#bytes = null;
    this.#size = 0;
  }
}
