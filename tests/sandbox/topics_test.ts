/** Topics: they belong to a module, and what they hold is bounded for all sessions together. */
import { assert, assertEquals, assertLess } from "../assert.ts";
import { call, join, nextAnswer } from "../helpers/client.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { Sampler } from "./hostile/sampler.ts";
import { Live } from "../helpers/module_server.ts";

const MIB = 1024 * 1024;
const MODULE = `export default ({ z }) => ({
  methods: {
    follow: { params: z.object({ topic: z.string() }), handle({ topic }, ctx) { ctx.subscribe(topic); return true; } },
    leave: { params: z.object({ topic: z.string() }), handle({ topic }, ctx) { ctx.unsubscribe(topic); return true; } },
    say: { params: z.object({ topic: z.string() }), handle({ topic }, ctx) { ctx.publish(topic, "said", { by: ctx.user.id }); return true; } },
    present: { params: z.object({ topic: z.string() }), handle: ({ topic }, ctx) => ctx.presence(topic) },
    fill: {
      params: z.object({ count: z.int(), length: z.int() }),
      handle({ count, length }, ctx) {
        const name = ctx.connection.id.padEnd(length - 6, "x");
        for (let i = 0; i < count; i++) ctx.subscribe(name + String(i).padStart(6, "0"));
        return true;
      },
    },
  },
});`;

Deno.test("a topic of the same name in another module is another topic", async () => {
  await using live = await Live.start({ "one.v1": MODULE, "two.v1": MODULE });
  using one = await join(live.server, { subprotocol: "one.v1", user: "ann" });
  using two = await join(live.server, { subprotocol: "two.v1", user: "bob" });
  for (const client of [one, two]) await call(client, "follow", { topic: "t" });
  assertEquals((await call(one, "present", { topic: "t" })).result, [{ user: "ann", connections: 1 }]);
  assertEquals((await call(two, "present", { topic: "t" })).result, [{ user: "bob", connections: 1 }]);
  await two.text('{"jsonrpc":"2.0","id":1,"method":"say","params":{"topic":"t"}}');
  const got = [await nextAnswer(two), await nextAnswer(two)];
  assertEquals(got.find(({ method }) => method === "said")?.params, { by: "bob" });
  // Had the message gone to the other module as well, it would come before this answer.
  assertEquals((await call(one, "present", { topic: "t" })).result, [{ user: "ann", connections: 1 }]);
  await call(two, "leave", { topic: "t" });
  assertEquals((await call(one, "present", { topic: "t" })).result, [{ user: "ann", connections: 1 }]);
});

const SESSIONS = 120;
const TOPICS = 1_000;
const LENGTH = 500;
/** Memory that the front may hold for it: a third of what these names alone would be. */
const MOST_BYTES = 80 * MIB;

/** A module may make so many subscriptions a second; then `ctx.subscribe` throws, and the call is made again. */
async function fill(session: RawClient): Promise<void> {
  const deadline = Date.now() + 30_000;
  while ((await call(session, "fill", { count: TOPICS, length: LENGTH })).result !== true) {
    assert(Date.now() < deadline, "waited 30 s for a session's subscriptions to be made");
    await new Promise((next) => setTimeout(next, 100));
  }
}

Deno.test("a thousand long topics for each of many sessions are bounded in total, and other modules go on", async () => {
  await using live = await Live.start({ "full.v1": MODULE, "other.v1": MODULE }, {
    server: { host: "localhost", port: 0, max_connections_per_ip: 1_000, max_connections_per_user: 1_000 },
  });
  const sampler = await Sampler.start(live.server.pid);
  using stack = new DisposableStack();
  try {
    using other = await join(live.server, { subprotocol: "other.v1", user: "other" });
    await call(other, "follow", { topic: "before" });
    const sessions = [];
    for (let i = 0; i < SESSIONS; i++) {
      sessions.push(stack.use(await join(live.server, { subprotocol: "full.v1", user: `user ${i}` })));
    }
    await sampler.next();
    const before = sampler.peak.frontBytes;
    for (const session of sessions) await fill(session);
    await sampler.next();
    assertLess(sampler.peak.frontBytes - before, MOST_BYTES, "resident memory of the front");
    assert(live.lines("topics.full", "full.v1").length > 0, "the log says that subscriptions were refused");
    await call(other, "follow", { topic: "after" });
    for (const topic of ["before", "after"]) {
      assertEquals((await call(other, "present", { topic })).result, [{ user: "other", connections: 1 }]);
    }
  } finally {
    await sampler.stop();
  }
});
