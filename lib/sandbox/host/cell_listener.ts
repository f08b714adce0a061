/** Accepts connections of cells, and assigns each connection by its secret. */
import type { Log } from "../../log/log.ts";
import { OperationReader, type Protocol } from "../wire/operation_reader.ts";
import { OperationStream } from "../wire/operation_stream.ts";
import { TO_HOST, ToHost } from "../wire/operations.ts";

/** Milliseconds within which a connection must present its secret. */
const HELLO_MS = 5_000;
/** Maximum number of connections without a secret. */
const MAX_STRANGERS = 64;
/** Pause (ms) after a failed accept, which means a shortage of descriptors. */
const RETRY_MS = 100;

/** The operations of a connection before it has presented its secret. */
const GREETING: Protocol = { table: new Map([[ToHost.Hello as number, TO_HOST.get(ToHost.Hello)!]]), output: 0 };

/** A connection to a cell; `reader` is behind its secret. */
export interface CellConnection {
  readonly stream: OperationStream;
  readonly reader: OperationReader;
}

/** A started cell without a connection. */
interface Expected {
  readonly maxOutputBytes: number;
  readonly connected: (connection: CellConnection) => void;
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
        if (this.#strangers.size < MAX_STRANGERS) void this.#greet(new OperationStream(connection));
        else connection.close();
      } catch (error) {
        if (this.#closed) return;
        this.#log.warn("internal", { error: String(error), detail: "cells can't connect" });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #greet(stream: OperationStream): Promise<void> {
    const refuse = () => {
      this.#strangers.delete(refuse);
      stream.close();
    };
    const deadline = setTimeout(refuse, HELLO_MS);
    this.#strangers.add(refuse);
    const reader = new OperationReader(GREETING);
    const secret = await readSecret(stream, reader);
    clearTimeout(deadline);
    this.#strangers.delete(refuse);
    const expected = secret === null ? undefined : this.#expected.get(secret);
    if (secret === null || expected === undefined) return refuse();
    this.#expected.delete(secret);
    reader.use({ table: TO_HOST, output: expected.maxOutputBytes });
    expected.connected({ stream, reader });
  }
}

/** Reads the secret that a connection presents first; null if it presents none. */
async function readSecret(stream: OperationStream, reader: OperationReader): Promise<string | null> {
  try {
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      reader.push(chunk);
      const hello = reader.next();
      if (hello !== null) return new TextDecoder().decode(hello.first);
    }
  } catch {
    // It violates the table, so it is no cell.
  }
  return null;
}
