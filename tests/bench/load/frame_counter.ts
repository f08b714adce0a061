/** Counts server frames in a byte stream by their headers alone; one for each connection. */
export class FrameCounter {
  #skip = 0; // payload bytes still to come of the frame being read
  #counts = false; // whether that frame counts
  readonly #header = new Uint8Array(10);
  readonly #view = new DataView(this.#header.buffer);
  #held = 0; // bytes of an incomplete header

  /** Frames of the right opcode whose length is not the expected one: an error answer, most likely. */
  odd = 0;

  /** Only frames with this opcode and exactly this payload length (bytes) count; other opcodes are skipped. */
  constructor(readonly opcode: number, readonly length: number) {}

  /** How many frames that count were completed by these bytes. */
  push(bytes: Uint8Array): number {
    const end = bytes.length;
    let at = 0;
    let complete = 0;
    while (at < end) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, end - at);
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0 && this.#counts) complete++;
        continue;
      }
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      if (this.#held === 0 && end - at >= 2 && short < 126) {
        complete += this.#start(bytes[at] ?? 0, short);
        at += 2;
        continue;
      }
      this.#header[this.#held++] = bytes[at++] ?? 0;
      const length = this.#longLength();
      if (length !== undefined) complete += this.#start(this.#header[0] ?? 0, length);
    }
    return complete;
  }

  #longLength(): number | undefined {
    if (this.#held < 2) return undefined;
    const short = (this.#header[1] ?? 0) & 0x7f;
    if (this.#held < (short === 127 ? 10 : short === 126 ? 4 : 2)) return undefined;
    this.#held = 0;
    return short === 127 ? Number(this.#view.getBigUint64(2)) : short === 126 ? this.#view.getUint16(2) : short;
  }

  /** Begins a frame; 1 when it is complete at once because it has no payload. */
  #start(first: number, length: number): number {
    const opcode = first & 0x0f;
    this.#counts = opcode === this.opcode && length === this.length;
    if (opcode === this.opcode && length !== this.length) this.odd++;
    this.#skip = length;
    return length === 0 && this.#counts ? 1 : 0;
  }
}
