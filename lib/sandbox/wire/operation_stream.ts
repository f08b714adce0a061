/** A connection that carries operations: gathers what is written, one write in flight at a time, and reads. */
import { OperationWriter } from "./operation_writer.ts";

const READ_BUFFER_BYTES = 64 * 1024;

/** The part of `Deno.Conn` a stream needs. */
export interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

export interface OperationStreamOptions {
  /** Called with each chunk, which is valid only during the call. Returns how much of it was taken. What it throws ends the stream. */
  readonly received: (chunk: Uint8Array) => number;
  /** Asked after each chunk: the rest of it is offered, and reading goes on, once this resolves; null for at once. */
  readonly pause: () => Promise<void> | null;
  /** The connection has ended: the peer closed it, it failed, or `received` threw, then with what. Called once, not after `close`. */
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

  /** Bytes written and not yet taken by the kernel. */
  get pending(): number {
    return this.out.size + this.#inFlight;
  }

  /** Sends what was written, unless a write is in flight: then right after it. */
  flush = (): void => {
    if (this.#writing || this.#over || this.out.size === 0) return;
    this.#writing = true;
    void this.#writeAll();
  };

  /** Ends the connection; nothing is called any more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
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
