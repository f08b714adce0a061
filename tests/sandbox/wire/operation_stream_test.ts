import { assertEquals } from "../../assert.ts";
import { type ByteStream, OperationStream } from "../../../lib/sandbox/wire/operation_stream.ts";
import { HEADER_BYTES, ToCell } from "../../../lib/sandbox/wire/operations.ts";
import { until } from "../../helpers/until.ts";

/** The other end in the test's hand. */
class Wire implements ByteStream {
  readonly written: number[] = [];
  closed = 0;
  reads = 0;
  /** Bytes a write takes; 0 leaves it waiting. */
  takes = Infinity;
  #reading: { into: Uint8Array; done: (count: number | null) => void; fail: (error: Error) => void } | undefined;
  #writing: (() => void) | undefined;

  read(into: Uint8Array): Promise<number | null> {
    this.reads++;
    return new Promise((done, fail) => this.#reading = { into, done, fail });
  }
  async write(bytes: Uint8Array): Promise<number> {
    if (this.takes === 0) await new Promise<void>((done) => this.#writing = done);
    const count = Math.min(bytes.length, Math.max(1, this.takes));
    this.written.push(count);
    return count;
  }
  close(): void {
    if (this.closed++ > 0) throw new Deno.errors.BadResource();
  }
  arrive(bytes: Uint8Array): void {
    this.#reading!.into.set(bytes);
    this.#reading!.done(bytes.length);
  }
  end(): void {
    this.#reading!.done(null);
  }
  fail(): void {
    this.#reading!.fail(new Deno.errors.ConnectionReset());
  }
  drain(): void {
    this.takes = Infinity;
    this.#writing!();
  }
}

Deno.test("one write is in flight; later operations leave in the next", async () => {
  const wire = new Wire();
  const made = new OperationStream(wire);
  const { out, flush } = made;
  wire.takes = 0;
  out.write(ToCell.Ping, 0, 0, 0);
  flush();
  for (let i = 0; i < 3; i++) {
    out.write(ToCell.Ping, 0, 0, 0);
    flush();
  }
  assertEquals([made.pending, wire.written], [4 * HEADER_BYTES, []]);
  wire.drain();
  await until(() => made.pending === 0, "everything is written");
  assertEquals(wire.written, [HEADER_BYTES, 3 * HEADER_BYTES]);
});

Deno.test("a write that takes a part is gone on with", async () => {
  const wire = new Wire();
  const made = new OperationStream(wire);
  wire.takes = 10;
  made.out.write(ToCell.Ping, 0, 0, 0);
  made.flush();
  await until(() => made.pending === 0, "everything is written");
  assertEquals(wire.written, [10, 10, 4]);
});

Deno.test("read() gives what has come, and asks for more only when it is called again", async () => {
  const wire = new Wire();
  const made = new OperationStream(wire);
  assertEquals(wire.reads, 0);
  const first = made.read();
  wire.arrive(Uint8Array.of(1, 2, 3));
  assertEquals(await first, Uint8Array.of(1, 2, 3));
  assertEquals(wire.reads, 1);
  const second = made.read();
  wire.arrive(Uint8Array.of(4));
  assertEquals(await second, Uint8Array.of(4));
  assertEquals(wire.reads, 2);
});

for (const act of ["end", "fail"] as const) {
  Deno.test(`read() gives null once the connection has ${act}ed, and closes it once`, async () => {
    const wire = new Wire();
    const made = new OperationStream(wire);
    const read = made.read();
    wire[act]();
    assertEquals(await read, null);
    assertEquals(await made.read(), null);
    made.close();
    assertEquals([wire.reads, wire.closed], [1, 1]);
  });
}

Deno.test("a write that fails closes the connection", async () => {
  const wire = new Wire();
  const made = new OperationStream(wire);
  wire.write = () => Promise.reject(new Deno.errors.BrokenPipe());
  made.out.write(ToCell.Ping, 0, 0, 0);
  made.flush();
  await until(() => wire.closed === 1, "the connection is closed");
  assertEquals(await made.read(), null);
});

Deno.test("after close() nothing is read or written any more", async () => {
  const wire = new Wire();
  const made = new OperationStream(wire);
  const read = made.read();
  made.close();
  wire.arrive(new Uint8Array(1));
  assertEquals(await read, null);
  made.out.write(ToCell.Ping, 0, 0, 0);
  made.flush();
  assertEquals([await made.read(), wire.reads, wire.written, wire.closed], [null, 1, [], 1]);
});
