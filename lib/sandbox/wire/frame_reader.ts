/** Cuts a stream of bytes into frames of one size. Holds at most one incomplete frame. */
export class FrameReader<Frame> {
  readonly #size: number;
  readonly #decode: (bytes: Uint8Array) => Frame | null;
  readonly #rest: Uint8Array;
  #held = 0;

  /** @param decode Turns exactly `size` bytes into a frame, or null when they are none. */
  constructor(size: number, decode: (bytes: Uint8Array) => Frame | null) {
    this.#size = size;
    this.#decode = decode;
    this.#rest = new Uint8Array(size);
  }

  /**
   * Calls `take` for each frame that `bytes` completes.
   *
   * @returns false, and nothing more is read, when something is no frame.
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
