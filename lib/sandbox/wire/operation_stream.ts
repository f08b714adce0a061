/**
 * A connection with operations in both directions: collects written operations, sends one write at a time, and reads.
 */
import { OperationWriter } from "./operation_writer.ts";

/** Most bytes of a chunk. */
export const READ_BUFFER_BYTES = 64 * 1024;

/** The part of `Deno.Conn` that a stream uses. */
export interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

export interface OperationStreamOptions {
  /**
   * Called with each chunk, which is valid only during the call. Returns the number of consumed bytes. An exception
   * ends the stream.
   */
  readonly received: (chunk: Uint8Array) => number;
  /** Called after each chunk. The rest of the chunk and further reading wait until it resolves; null means no wait. */
  readonly pause: () => Promise<void> | null;
  /**
   * The connection has ended: closed by the peer, failed, or after an exception of `received`, which is then the
   * argument. Called once, not after `close`.
   */
  readonly ended: (error?: unknown) => void;
}

export class OperationStream {
  readonly out = new OperationWriter();
  readonly #connection: ByteStream;
  readonly #options: OperationStreamOptions;
  #writing = false;
  #inFlight = 0;
  #over = false;

  constructor(connection: ByteStream, options: OperationStreamOptions) {
    this.#connection = connection;
    this.#options = options;
    void this.#readAll();
  }

  /** Bytes that are not yet in the kernel. */
  get pending(): number {
    return this.out.size + this.#inFlight;
  }

  /** Sends collected operations, at once or after the pending write. */
  flush = (): void => {
    if (this.#writing || this.#over || this.out.size === 0) return;
    this.#writing = true;
    void this.#writeAll();
  };

  /** Ends the connection; no callback is called afterwards. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#connection.close();
    } catch {
      // The connection is already closed.
    }
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.out.size > 0 && !this.#over) {
        const bytes = this.out.take();
        this.#inFlight = bytes.length;
        for (let at = 0; at < bytes.length;) at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
        this.#inFlight = 0;
        this.out.giveBack(bytes);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = false;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      while (!this.#over) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        for (let at = 0; at < count && !this.#over;) {
          at += this.#options.received(buffer.subarray(at, count));
          const pause = this.#options.pause();
          if (pause !== null) await pause;
        }
      }
      this.#fail();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error?: unknown): void {
    if (this.#over) return;
    this.close();
    this.#options.ended(error);
  }
}
