/** Reads standard output and error of a process at a bounded rate. */
import type { Readable } from "node:stream";

/** Bytes a second that a cell may write, both streams together. */
export const OUTPUT_BYTES_PER_S = 32 * 2 ** 10;
/** Size of the kept end of standard error. */
const TAIL_BYTES = 8 * 2 ** 10;

/** Reads two streams and passes on a bounded amount a second. A process that writes more blocks on its pipe. */
export class BoundedOutput {
  readonly #streams: readonly Readable[];
  readonly #take: (bytes: Uint8Array) => void;
  #left = OUTPUT_BYTES_PER_S;
  #tail = new Uint8Array(0);
  #last = false;

  constructor(stdout: Readable, stderr: Readable, take: (bytes: Uint8Array) => void) {
    this.#streams = [stdout, stderr];
    this.#take = take;
    stdout.on("data", (chunk: Uint8Array) => this.#read(chunk));
    stderr.on("data", (chunk: Uint8Array) => {
      this.#keep(chunk);
      this.#read(chunk);
    });
    // The pipe of a killed process may break; its end is reported by the process.
    for (const stream of this.#streams) stream.on("error", () => {});
  }

  /** The end of standard error. */
  get tail(): string {
    return new TextDecoder().decode(this.#tail);
  }

  /** Renews the budget; called every second. */
  refill(): void {
    this.#left = OUTPUT_BYTES_PER_S;
    for (const stream of this.#streams) if (stream.isPaused()) stream.resume();
  }

  /** The process has ended: reads the rest of the pipes without waiting, and drops what exceeds the budget. */
  finish(): void {
    this.#last = true;
    for (const stream of this.#streams) stream.resume();
  }

  /** Closes the pipes. */
  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #read(chunk: Uint8Array): void {
    const part = chunk.subarray(0, this.#left);
    this.#left -= part.length;
    if (part.length > 0) this.#take(part);
    if (this.#left > 0 || this.#last) return;
    for (const stream of this.#streams) stream.pause();
  }

  #keep(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#tail.length + chunk.length);
    joined.set(this.#tail);
    joined.set(chunk, this.#tail.length);
    this.#tail = joined.slice(-TAIL_BYTES);
  }
}
