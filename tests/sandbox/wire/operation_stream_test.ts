import { assert, assertEquals } from "../../assert.ts";
import { type ByteStream, OperationStream } from "../../../lib/sandbox/wire/operation_stream.ts";
import { HEADER_BYTES, ToCell } from "../../../lib/sandbox/wire/operations.ts";
import { until } from "../kit.ts";

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

function stream(received: (chunk: Uint8Array) => number = (chunk) => chunk.length) {
  const wire = new Wire();
  const ends: unknown[] = [];
  let paused: Promise<void> | null = null;
  const made = new OperationStream(wire, {
    received,
    pause: () => paused,
    ended: (error) => void ends.push(error),
  });
  return { wire, ends, stream: made, pause: (promise: Promise<void> | null) => void (paused = promise) };
}

Deno.test("one write is in flight; what is written meanwhile leaves in the next", async () => {
  const { wire, stream: { out, flush }, stream: made } = stream();
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
  const { wire, stream: made } = stream();
  wire.takes = 10;
  made.out.write(ToCell.Ping, 0, 0, 0);
  made.flush();
  await until(() => made.pending === 0, "everything is written");
  assertEquals(wire.written, [10, 10, 4]);
});

Deno.test("what was not taken of a chunk is offered again after the pause, and nothing is read meanwhile", async () => {
  const offered: number[] = [];
  const { wire, pause } = stream((chunk) => offered.push(chunk.length) && 1);
  let resume = () => {};
  pause(new Promise((resolve) => resume = resolve));
  wire.arrive(new Uint8Array(3));
  await until(() => offered.length === 1, "the chunk is offered");
  await new Promise((done) => setTimeout(done, 20));
  assertEquals([offered, wire.reads], [[3], 1]);
  pause(null);
  resume();
  await until(() => wire.reads === 2, "the next is read");
  assertEquals(offered, [3, 2, 1]);
});

Deno.test("an end, a failure and an error of the reader are told once, and the connection is closed", async () => {
  for (const act of ["end", "fail"] as const) {
    const { wire, ends, stream: made } = stream();
    wire[act]();
    await until(() => ends.length > 0, "the end is told");
    made.close();
    assertEquals([ends.length, wire.closed], [1, 1]);
    assertEquals(ends[0] instanceof Deno.errors.ConnectionReset, act === "fail");
  }
  const thrown = new Error("broken");
  const { wire, ends } = stream(() => {
    throw thrown;
  });
  wire.arrive(new Uint8Array(1));
  await until(() => ends.length > 0, "the end is told");
  assert(ends[0] === thrown && wire.closed === 1);
});

Deno.test("after close() nothing is called or written any more", async () => {
  let calls = 0;
  const { wire, ends, stream: made } = stream((chunk) => ++calls && chunk.length);
  made.close();
  wire.arrive(new Uint8Array(1));
  made.out.write(ToCell.Ping, 0, 0, 0);
  made.flush();
  await new Promise((done) => setTimeout(done, 10));
  assertEquals([calls, ends, wire.written, wire.closed], [0, [], [], 1]);
});
