/** Accepts connections of cells, and assigns each connection by its secret. */
import type { Log } from "../../log/log.ts";
import { type Operation, OperationReader } from "../wire/operation_reader.ts";
import { OperationStream } from "../wire/operation_stream.ts";
import { TO_HOST, ToHost } from "../wire/operations.ts";

/** Milliseconds within which a connection must present its secret. */
const HELLO_MS = 5_000;
/** Maximum number of connections without a secret. */
const MAX_STRANGERS = 64;
/** Pause (ms) after a failed accept, which means a shortage of descriptors. */
const RETRY_MS = 100;

/** The operations of a connection before it has presented its secret. */
const GREETING = new Map([[ToHost.Hello as number, TO_HOST.get(ToHost.Hello)!]]);

/** The owner of a connection. */
export interface CellConnectionOwner {
  /** Asked before each chunk of `bytes`: false when it has to wait for `pause`. */
  begin(bytes: number): boolean;
  take(operation: Operation): void;
  /** Called after each chunk; reading continues once this resolves. */
  pause(): Promise<void> | null;
  /** The connection ended without an order. `error` is set when the cell violated the table of operations. */
  ended(error?: unknown): void;
}

/** A connection to a cell. */
export interface CellConnection {
  readonly stream: OperationStream;
  /** Stops processing the current chunk. */
  halt(): void;
}

/** A started cell without a connection. */
interface Expected {
  readonly maxOutputBytes: number;
  readonly connected: (connection: CellConnection) => CellConnectionOwner;
}

export class CellListener {
  readonly #listener: Deno.Listener<Deno.UnixConn>;
  readonly #log: Log;
  readonly #expected = new Map<string, Expected>();
  /** Functions that refuse connections without a secret. */
  readonly #strangers = new Set<() => void>();
  #closed = false;

  /**
   * Listens on the unix socket `path`.
   *
   * @throws {Error} if it can't listen
   */
  constructor(path: string, log: Log) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#log = log;
    void this.#acceptAll();
  }

  /**
   * Passes the connection that presents `secret` to `connected`, once. Returns a function that stops waiting for it.
   */
  expect(secret: string, expected: Expected): () => void {
    this.#expected.set(secret, expected);
    return () => this.#expected.delete(secret);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const refuse of this.#strangers) refuse();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (this.#strangers.size < MAX_STRANGERS) this.#greet(connection);
        else connection.close();
      } catch (error) {
        if (this.#closed) return;
        this.#log.warn("internal", { error: String(error), detail: "cells can't connect" });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #greet(connection: Deno.UnixConn): void {
    let owner: CellConnectionOwner | undefined;
    let reader = new OperationReader({ table: GREETING, output: 0, take: (operation) => hello(operation) });
    const stream = new OperationStream(connection, {
      received: (chunk) => owner?.begin(chunk.length) === false ? 0 : reader.push(chunk),
      pause: () => owner?.pause() ?? null,
      ended: (error) => {
        forget();
        owner?.ended(error);
      },
    });
    const deadline = setTimeout(() => refuse(), HELLO_MS);
    const forget = () => {
      clearTimeout(deadline);
      this.#strangers.delete(refuse);
    };
    const refuse = () => {
      forget();
      stream.close();
    };
    const hello = ({ first }: Operation) => {
      reader.halt();
      const secret = new TextDecoder().decode(first);
      const expected = this.#expected.get(secret);
      if (expected === undefined) return refuse();
      forget();
      this.#expected.delete(secret);
      const own = expected.connected({ stream, halt: () => reader.halt() });
      owner = own;
      reader = new OperationReader({
        table: TO_HOST,
        output: expected.maxOutputBytes,
        take: (operation) => own.take(operation),
      });
    };
    this.#strangers.add(refuse);
  }
}
