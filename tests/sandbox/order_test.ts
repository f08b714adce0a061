/** Order and hooks of a session. */
import { assertEquals } from "../assert.ts";
import { Bench, settings } from "../helpers/sandbox.ts";
import { until } from "../helpers/until.ts";

Deno.test("messages of a session are handled in order, after an asynchronous open", async () => {
  await using bench = await Bench.start(settings("ordered.ts"));
  const client = bench.client();
  const calls = Array.from({ length: 200 }, (_, n) => client.call("add", { n }));
  const note = client.call("note", { n: -1 });
  await Promise.all([...calls, note]);
  const answer = await client.call("all") as { result: unknown };
  assertEquals(answer.result, ["open", ...Array.from({ length: 200 }, (_, n) => n), -1]);
});

Deno.test("an open that throws leaves the session unserved", async () => {
  await using bench = await Bench.start(settings("ordered.ts"));
  const client = bench.client({ id: "refused" });
  await until(() => client.of("unserved").length === 1, "the session is told");
  assertEquals(bench.logged("handler.failed")[0]?.["method"], "open");
});

Deno.test("an open that never ends leaves the session unserved when its time is up", async () => {
  await using bench = await Bench.start(settings("ordered.ts", { timeout: 200 }));
  const client = bench.client({ id: "stuck" });
  await until(() => client.of("unserved").length === 1, "the session is told");
});

Deno.test("raw modules get frames as they are, and each frame has one outcome", async () => {
  await using bench = await Bench.start(settings("raw.ts", { timeout: 200 }));
  const client = bench.client();
  assertEquals(bench.pool.contract.kind, "raw");
  assertEquals(bench.pool.contract.binary, true);
  const frames = ["a", new Uint8Array([1, 2]), "too long for this module", "boom", "never", "b"];
  const outcomes = await Promise.all(frames.map((frame) => client.message(frame)));
  assertEquals(client.of("send"), [["a"], [new Uint8Array([1, 2])], ["b"]]);
  assertEquals(
    outcomes.map((outcome) => "code" in outcome ? outcome.code : outcome.result),
    [null, null, -32602, -32603, -32005, null],
  );
  assertEquals(bench.logged("handler.failed").map(({ method }) => method), ["message"]);
  assertEquals(bench.logged("handler.timeout").map(({ method }) => method), ["message"]);
  client.line.close(1000);
  assertEquals(await client.message("late"), { code: -32004, data: undefined });
  await until(() => bench.pool.slots[0]!.seats.size === 0, "the session is forgotten");
});

Deno.test("a close that never ends is cut off at the timeout, and the session forgotten", async () => {
  await using bench = await Bench.start(settings("ordered.ts", { timeout: 200 }));
  const [stuck, other] = [bench.client({ id: "stuck" }), bench.client({ id: "lingering" })];
  await other.call("all");
  for (const { line } of [stuck, other]) line.close(1000);
  await until(() => bench.pool.slots[0]!.seats.size === 0, "both are forgotten");
  assertEquals(bench.logged("handler.timeout").filter(({ method }) => method === "close").length, 2);
  await until(() => bench.pool.queueDepth === 0, "the cell has done what was asked of it");
});

Deno.test("sessions are spread over cells", async () => {
  await using bench = await Bench.start(settings("raw.ts", { cells: 2 }));
  for (let i = 0; i < 10; i++) bench.client();
  assertEquals(bench.pool.slots.map(({ seats }) => seats.size), [5, 5]);
});
