/** Connections to the socket of the cells that are none, or break the rules before their greeting. */
import { assert, assertEquals } from "../../assert.ts";
import { createLog } from "../../../lib/log/log.ts";
import { type CellConnection, CellListener } from "../../../lib/sandbox/host/cell_listener.ts";
import { type OperationStream, OperationWriter } from "../../../lib/sandbox/wire/operation_stream.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { until } from "../../helpers/until.ts";

const SECRET = "5".repeat(64);

/** A listener that waits for one cell, and what became of it. */
class Door implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "sallyport-" });
  readonly path = `${this.folder}/cells`;
  readonly listener = new CellListener(this.path, createLog({ level: "error", format: "json", write() {} }));
  readonly taken: number[] = [];
  readonly ends: unknown[] = [];
  streams: OperationStream[] = [];
  readonly unexpect: () => void;

  constructor() {
    this.unexpect = this.listener.expect(SECRET, {
      maxOutputBytes: 10,
      connected: (connection) => {
        this.streams.push(connection.stream);
        void this.#serve(connection);
      },
    });
  }

  async #serve({ stream, reader }: CellConnection): Promise<void> {
    try {
      do {
        for (let operation = reader.next(); operation !== null; operation = reader.next()) {
          this.taken.push(operation.code);
        }
        const chunk = await stream.read();
        if (chunk === null) return;
        reader.push(chunk);
      } while (true);
    } catch (error) {
      this.ends.push(error);
    }
  }

  async connect(bytes?: Uint8Array): Promise<Deno.UnixConn> {
    const connection = await Deno.connect({ transport: "unix", path: this.path });
    if (bytes !== undefined) await connection.write(bytes);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.streams) stream.close();
    this.listener.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function bytes(...operations: Parameters<OperationWriter["write"]>[]): Uint8Array {
  const writer = new OperationWriter();
  for (const operation of operations) writer.write(...operation);
  return writer.take();
}

/** Resolves once the other end has closed the connection; nothing may have come before. */
async function closed(connection: Deno.UnixConn): Promise<void> {
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    connection.close();
  }, 30_000);
  const count = await connection.read(new Uint8Array(16)).catch(() => null);
  clearTimeout(deadline);
  assert(!late, "waited in vain for the connection to be closed");
  assertEquals(count, null);
  connection.close();
}

const hello = bytes([ToHost.Hello, 0, 0, 0, SECRET]);

for (
  const [what, sent] of [
    ["a wrong secret", bytes([ToHost.Hello, 0, 0, 0, "6".repeat(64)])],
    ["an empty secret", bytes([ToHost.Hello, 0, 0, 0])],
    ["a secret that is nearly right", bytes([ToHost.Hello, 0, 0, 0, SECRET.slice(1)])],
    ["an operation before the secret", bytes([ToHost.Notify, 1, 0, 0], [ToHost.Hello, 0, 0, 0, SECRET])],
    ["a contract before the secret", bytes([ToHost.Loaded, 0, 0, 0, "{}"])],
    ["a secret without end", new Uint8Array([0, 0, 0, 16, ...hello.subarray(4)])],
    ["garbage", crypto.getRandomValues(new Uint8Array(4096))],
    ["a request of HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ] as const
) {
  Deno.test(`a connection that sends ${what} is closed at once, and the awaited cell comes in`, async () => {
    await using door = new Door();
    await closed(await door.connect(sent));
    assertEquals(door.streams.length, 0);
    using _cell = await door.connect(hello);
    await until(() => door.streams.length === 1, "the cell is in");
  });
}

Deno.test("a secret is good once, and not after the cell is no longer waited for", async () => {
  await using door = new Door();
  using _cell = await door.connect(hello);
  await until(() => door.streams.length === 1, "the cell is in");
  await closed(await door.connect(hello));
  assertEquals(door.streams.length, 1);
  await using other = new Door();
  other.unexpect();
  await closed(await other.connect(hello));
});

Deno.test("a greeting cut anywhere is one, and what follows it belongs to the cell", async () => {
  await using door = new Door();
  using cell = await door.connect();
  const all = new Uint8Array([...hello, ...bytes([ToHost.Notify, 1, 0, 0, "ten bytes."], [ToHost.Done, 0, 1, 0])]);
  for (const byte of all) await cell.write(Uint8Array.of(byte));
  await until(() => door.taken.length === 2, "both operations are taken");
  assertEquals(door.taken, [ToHost.Notify, ToHost.Done]);
});

Deno.test("the cell's own bounds hold from its greeting on, in the same chunk too", async () => {
  await using door = new Door();
  using _cell = await door.connect(new Uint8Array([...hello, ...bytes([ToHost.Notify, 1, 0, 0, "11 bytes..."])]));
  await until(() => door.ends.length === 1, "the cell is ended");
  assert(String(door.ends[0]).includes("a text is longer than allowed"));
  assertEquals(door.taken, []);
});

Deno.test("64 silent connections are held, more are closed at once; all are closed in time, and then a cell comes in", async () => {
  await using door = new Door();
  const silent = await Promise.all(Array.from({ length: 64 }, () => door.connect()));
  await closed(await door.connect());
  const began = performance.now();
  await Promise.all(silent.map(closed));
  assert(performance.now() - began < 30_000);
  using _cell = await door.connect(hello);
  await until(() => door.streams.length === 1, "the cell is in");
});

Deno.test("a cell that is in is not touched by the deadline for greetings", async () => {
  await using door = new Door();
  using cell = await door.connect(hello);
  await until(() => door.streams.length === 1, "the cell is in");
  const silent = await door.connect();
  await closed(silent);
  assertEquals(door.ends, []);
  await cell.write(bytes([ToHost.Done, 0, 1, 0]));
  await until(() => door.taken.length === 1, "the cell is heard");
});

Deno.test("close() closes connections without a greeting", async () => {
  await using door = new Door();
  const silent = await door.connect();
  const half = await door.connect(hello.subarray(0, 10));
  // Both are accepted once this one is.
  await closed(await door.connect(bytes([ToHost.Hello, 0, 0, 0, "x"])));
  door.listener.close();
  await Promise.all([closed(silent), closed(half)]);
});
