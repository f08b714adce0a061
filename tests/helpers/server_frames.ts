/** Reads a server's frames, for tests: strict about what a server must not send, and about nothing else. */

/** A frame as a server sent it. */
export interface ServerFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/**
 * Bytes in, frames out, however they are cut.
 *
 * @throws {Error} If a frame is masked, has reserved bits or a length that isn't minimal: no test wants that answer.
 */
export class ServerFrameReader {
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size = 0;

  /** Bytes of a frame not yet whole. */
  get pending(): number {
    return this.#size;
  }

  push(chunk: Uint8Array): ServerFrame[] {
    if (this.#size + chunk.length > this.#rest.length) {
      const grown = new Uint8Array(2 * (this.#size + chunk.length));
      grown.set(this.#rest.subarray(0, this.#size));
      this.#rest = grown;
    }
    this.#rest.set(chunk, this.#size);
    this.#size += chunk.length;
    const frames: ServerFrame[] = [];
    let at = 0;
    for (;;) {
      const bytes = this.#rest.subarray(at, this.#size);
      const found = readFrame(bytes);
      if (found === null) break;
      frames.push(found.frame);
      at += found.size;
    }
    this.#rest.copyWithin(0, at, this.#size);
    this.#size -= at;
    return frames;
  }
}

function readFrame(bytes: Uint8Array<ArrayBuffer>): { frame: ServerFrame; size: number } | null {
  if (bytes.length < 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = bytes[0]!;
  const second = bytes[1]!;
  if ((first & 0x70) !== 0) throw new Error(`Server's frame has reserved bits: ${first}`);
  if ((second & 0x80) !== 0) throw new Error("Server's frame is masked");
  let length = second;
  let start = 2;
  if (second === 126) {
    if (bytes.length < 4) return null;
    length = view.getUint16(2);
    start = 4;
    if (length < 126) throw new Error("Server's length is not minimal");
  } else if (second === 127) {
    if (bytes.length < 10) return null;
    length = Number(view.getBigUint64(2));
    start = 10;
    if (length < 65536) throw new Error("Server's length is not minimal");
  }
  const size = start + length;
  if (bytes.length < size) return null;
  return { frame: { fin: first >= 0x80, opcode: first & 0x0f, payload: bytes.slice(start, size) }, size };
}
