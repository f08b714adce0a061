/** The name of a topic has at most 512 bytes of UTF-8, whatever a handler takes from a client. */
import { assertEquals } from "../assert.ts";
import { startServer } from "../helpers/test_server.ts";
import { call, join } from "../helpers/client.ts";

const MOST_BYTES = 512;
const FITS = ["x", "x".repeat(MOST_BYTES), "€".repeat(MOST_BYTES / 3), `👋${"x".repeat(MOST_BYTES - 4)}`];
const TOO_LONG = ["", "x".repeat(MOST_BYTES + 1), "€".repeat(MOST_BYTES / 3 + 1), "x".repeat(50_000)];

const start = () =>
  startServer({
    handlers: [
      { subprotocol: "names.v1", module: "tests/e2e/modules/topic_names.ts", cells: 1 },
      { subprotocol: "names.raw.v1", module: "tests/e2e/modules/topic_names_raw.ts", cells: 1 },
    ],
    config: { log: { level: "info" } },
  });

Deno.test("a handler can't subscribe to, publish on or ask about a topic whose name is too long", async () => {
  await using server = await start();
  using client = await join(server, { subprotocol: "names.v1" });
  for (const topic of FITS) {
    assertEquals((await call(client, "names.subscribe", { topic })).result, true, `${topic.length}`);
    assertEquals((await call(client, "names.publish", { topic })).method, "told", `${topic.length}`);
    assertEquals(JSON.parse(await client.nextText()).result, true);
    assertEquals((await call(client, "names.presence", { topic })).result, [{ user: "ann", connections: 1 }]);
  }
  for (const topic of TOO_LONG) {
    for (const method of ["names.subscribe", "names.publish", "names.presence"]) {
      assertEquals((await call(client, method, { topic })).error?.code, -32603, `${method} ${topic.length}`);
    }
  }
  // The cell has stayed, and its other clients notice nothing.
  assertEquals((await call(client, "names.presence", { topic: "x" })).result, [{ user: "ann", connections: 1 }]);
  assertEquals(server.log.filter(({ event }) => event === "handler.restarted"), []);
});

Deno.test("a raw handler can't subscribe to a topic whose name is too long", async () => {
  await using server = await start();
  using client = await join(server, { subprotocol: "names.raw.v1" });
  const subscribed = async (topic: string) => {
    await client.text(topic);
    return await client.nextText();
  };
  for (const topic of FITS) {
    assertEquals(await subscribed(topic), '[{"user":"ann","connections":1}]', `${topic.length}`);
  }
  for (const topic of TOO_LONG) assertEquals(await subscribed(topic), "refused", `${topic.length}`);
  assertEquals(await subscribed("x"), '[{"user":"ann","connections":1}]');
});
