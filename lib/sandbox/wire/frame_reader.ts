/** Splits a byte stream into frames of a fixed size. Holds at most one incomplete frame. */
export class FrameReader<Frame> {
  readonly #size: number;
  readonly #decode: (bytes: Uint8Array) => Frame | null;
  readonly #rest: Uint8Array;
  #held = 0;

  /** @param decode decodes `size` bytes to a frame, or to null when they are invalid */
  constructor(size: number, decode: (bytes: Uint8Array) => Frame | null) {
    this.#size = size;
    this.#decode = decode;
    this.#rest = new Uint8Array(size);
  }

  /**
   * Calls `take` for each frame that `bytes` completes.
   *
   * @returns false, and stops reading, at an invalid frame
   */
  read(bytes: Uint8Array, take: (frame: Frame) => void): boolean {
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + this.#size - this.#held);
      this.#rest.set(part, this.#held);
      this.#held += part.length;
      at += part.length;
      if (this.#held < this.#size) return true;
      this.#held = 0;
      const frame = this.#decode(this.#rest);
      if (frame === null) return false;
      take(frame);
    }
    return true;
  }
}
