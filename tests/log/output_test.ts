import { StdoutSink } from "../../lib/log/output.ts";
import { assertEquals } from "../assert.ts";

/** An output that records what it is given; `fail` and `hold` say how it behaves, `step` how many bytes it takes. */
function output() {
  const state = {
    text: "",
    parts: [] as string[],
    writes: 0,
    fail: false,
    step: Infinity,
    hold: null as Promise<void> | null,
  };
  return {
    state,
    async write(bytes: Uint8Array): Promise<number> {
      state.writes++;
      await state.hold;
      if (state.fail) throw new Deno.errors.BrokenPipe("closed");
      const taken = bytes.subarray(0, state.step);
      state.parts.push(new TextDecoder().decode(taken));
      state.text += state.parts.at(-1);
      return taken.length;
    },
  };
}

Deno.test("StdoutSink gathers the lines of one turn into one write, in order", async () => {
  const out = output();
  const sink = new StdoutSink(out);
  for (const line of ["a", "b", "c"]) sink.write(line);
  await sink.flush(1000);
  assertEquals([out.state.text, out.state.writes], ["a\nb\nc\n", 1]);
});

Deno.test("StdoutSink writes whole lines, 4,096 bytes at most, so that those of several processes don't mix", async () => {
  const out = output();
  const sink = new StdoutSink(out);
  // An "é" has two bytes.
  const lines = ["é".repeat(1023), "y".repeat(2048), "short", "z".repeat(9000), "last"];
  for (const line of lines) sink.write(line);
  await sink.flush(1000);
  assertEquals(out.state.parts, [
    "é".repeat(1023) + "\n" + "y".repeat(2048) + "\n",
    "short\n",
    `${lines[3]}\n`,
    "last\n",
  ]);
});

Deno.test("StdoutSink finishes short writes", async () => {
  const out = output();
  out.state.step = 2;
  const sink = new StdoutSink(out);
  sink.write("abcdef");
  await sink.flush(1000);
  assertEquals(out.state.text, "abcdef\n");
});

Deno.test("StdoutSink loses the lines of a failed write, says so once writing works again", async () => {
  const out = output();
  const sink = new StdoutSink(out, () => 0, { front: 1 });
  out.state.fail = true;
  sink.write("one");
  sink.write("two");
  await sink.flush(1000);
  assertEquals([out.state.text, sink.lost], ["", 2]);
  out.state.fail = false;
  sink.write("three");
  await sink.flush(1000);
  assertEquals(
    out.state.text,
    'three\n{"time":"1970-01-01T00:00:00.000Z","level":"warn","event":"log.lost","front":1,"lines":2}\n',
  );
});

Deno.test("StdoutSink holds 1 MiB for a reader that doesn't read, loses what comes then, never waits past the deadline", async () => {
  const out = output();
  const held = Promise.withResolvers<void>();
  out.state.hold = held.promise;
  const sink = new StdoutSink(out, () => 0);
  sink.write("first");
  await Promise.resolve();
  for (let i = 0; i < 1024; i++) sink.write("x".repeat(1024));
  assertEquals(sink.lost, 0);
  sink.write("x");
  assertEquals(sink.lost, 1);
  await sink.flush(10);
  assertEquals(out.state.text, "");
  held.resolve();
  await sink.flush(1000);
  assertEquals(out.state.text.split("\n").length, 1 + 1024 + 1 + 1);
});
