/** Order and hooks of a session. */
import { assertEquals } from "../assert.ts";
import { Bench, settings, until } from "./kit.ts";

Deno.test("messages of a session are handled in order, after an asynchronous open", async () => {
  await using bench = await Bench.start(settings("ordered.ts"));
  const client = bench.client();
  const calls = Array.from({ length: 200 }, (_, n) => client.call("add", { n }));
  client.line.notification("note", JSON.stringify({ params: { n: -1 } }));
  await Promise.all(calls);
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

Deno.test("raw modules get frames as they are, schema failures are counted, errors logged", async () => {
  await using bench = await Bench.start(settings("raw.ts", { timeout: 200 }));
  const client = bench.client();
  assertEquals(bench.pool.contract.kind, "raw");
  assertEquals(bench.pool.contract.binary, true);
  client.line.message("a");
  client.line.message(new Uint8Array([1, 2]));
  client.line.message("too long for this module");
  client.line.message("boom");
  client.line.message("never");
  client.line.message("b");
  await until(() => client.of("send").length === 3, "frames come back");
  assertEquals(client.of("send"), [["a"], [new Uint8Array([1, 2])], ["b"]]);
  assertEquals(client.of("invalid").length, 1);
  assertEquals(bench.logged("handler.failed").length, 1);
  await until(() => bench.logged("handler.timeout").length === 1, "the stuck frame is logged");
});

Deno.test("sessions are spread over cells", async () => {
  await using bench = await Bench.start(settings("raw.ts", { cells: 2 }));
  for (let i = 0; i < 10; i++) bench.client();
  assertEquals(bench.pool.slots.map(({ seats }) => seats.size), [5, 5]);
});
