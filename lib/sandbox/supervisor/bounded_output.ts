/** A process' standard output and error, no more than so much a second. */
import type { Readable } from "node:stream";

/** Bytes a cell may write a second, both streams together. */
export const OUTPUT_BYTES_PER_S = 32 * 2 ** 10;
/** Bytes kept of the end of standard error. */
const TAIL_BYTES = 8 * 2 ** 10;

/** Reads two streams, hands on what the amount a second allows, and lets the writer wait when it writes more. */
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
    // The pipe of a process that was killed may break; its end is told by the process.
    for (const stream of this.#streams) stream.on("error", () => {});
  }

  /** The end of what came on standard error. */
  get tail(): string {
    return new TextDecoder().decode(this.#tail);
  }

  /** A new second has begun. */
  refill(): void {
    this.#left = OUTPUT_BYTES_PER_S;
    for (const stream of this.#streams) if (stream.isPaused()) stream.resume();
  }

  /** The process is gone: what is still in the pipes is read without waiting, and dropped where it is too much. */
  finish(): void {
    this.#last = true;
    for (const stream of this.#streams) stream.resume();
  }

  /** Lets go of the pipes. */
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
