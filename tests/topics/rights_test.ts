/** The rights to follow a topic, to publish on it and to see its users: on a real server, with clients that lack them. */
import { assert, assertEquals } from "../assert.ts";
import { Live } from "../helpers/module_server.ts";
import { until } from "../helpers/until.ts";
import { Member } from "./member.ts";

const MODULE = `export default ({ z, topic, publish }) => {
  const open = new Set(["a", "b"]);
  return {
    topics: {
      "room:{room}": topic({
        params: z.object({ room: z.string().max(8) }),
        roles: ["user"],
        async allow({ room }, ctx) {
          await 0;
          if (room === "throws") throw new Error("no");
          if (room === "odd") return "true";
          if (room === "slow") await new Promise(() => {});
          return open.has(room) && !(ctx.user.claims.out ?? []).includes(room);
        },
        recheck: "1s",
        publish: ["speaker"],
        presence: ["host"],
        events: { said: z.object({ text: z.string().max(10) }) },
      }),
      news: topic({ events: { item: z.object({ n: z.int() }) } }),
      staff: topic({ roles: ["staff"], events: { item: z.object({ n: z.int() }) } }),
    },
    methods: {
      say: {
        params: z.object({ topic: z.string(), event: z.string(), data: z.unknown() }),
        handle({ topic, event, data }, ctx) { ctx.publish(topic, event, data); return true; },
      },
      follow: { params: z.object({ topic: z.string() }), async handle({ topic }, ctx) { await ctx.subscribe(topic); return true; } },
      forget: { params: z.object({ topic: z.string() }), handle({ topic }, ctx) { ctx.subscribe(topic); return true; } },
      leave: { params: z.object({ topic: z.string() }), handle({ topic }, ctx) { ctx.unsubscribe(topic); return true; } },
      open: { params: z.object({ room: z.string(), to: z.boolean() }), handle({ room, to }) { to ? open.add(room) : open.delete(room); return true; } },
      fail: { params: z.object({}), handle() { setTimeout(() => { throw new Error("end"); }); return true; } },
    },
  };
};`;
const OPTIONS = { subprotocol: "rooms.v1" };
const DENIED = -32003;

const start = (settings: Record<string, unknown> = {}) =>
  Live.start({ "rooms.v1": MODULE, "other.v1": MODULE }, {}, settings);
const join = (live: Live, user: string, roles = ["user"], claims = {}) =>
  Member.join(live.server, user, { ...OPTIONS, roles, claims });
const saidTo = (topic: string, text: string) => ({ topic, event: "said", data: { text } });

Deno.test("a client follows what roles and allow let it follow, and hears exactly that", async () => {
  await using live = await start({ timeout: "1s" });
  using ann = await join(live, "ann");
  using guest = await join(live, "guest", ["guest"]);
  using elsewhere = await Member.join(live.server, "eve", { subprotocol: "other.v1" });
  const first = await ann.call("topic.subscribe", { topic: "room:a" });
  assertEquals(first.result, {});
  assertEquals(await elsewhere.subscribe("room:a"), 0, "the other module's topic of the same name");
  for (const topic of ["room:c", "room:throws", "room:odd", "room:slow", "room:toolongname", "staff", "unknown", ""]) {
    const { error } = await ann.call("topic.subscribe", { topic });
    assertEquals(error, { code: DENIED, message: "Forbidden" }, topic);
  }
  assertEquals(await guest.subscribe("room:a"), DENIED);
  assertEquals(await guest.subscribe("news"), 0, "a topic without roles");
  for (const text of ["one", "two"]) await ann.call("say", saidTo("room:a", text));
  for (const topic of ["room:b", "room:c"]) await ann.call("say", saidTo(topic, "secret"));
  await ann.call("say", { topic: "news", event: "item", data: { n: 1 } });
  assertEquals(
    await ann.told(),
    ["one", "two"].map((text) => ({ method: "topic.event", params: saidTo("room:a", text) })),
  );
  assertEquals(await guest.told(), [{
    method: "topic.event",
    params: { topic: "news", event: "item", data: { n: 1 } },
  }]);
  assertEquals(await elsewhere.told(), []);
  assertEquals((await ann.call("topic.unsubscribe", { topic: "room:a" })).result, {});
  await ann.call("say", saidTo("room:a", "three"));
  assertEquals(await ann.told(), []);
  assertEquals((await ann.call("topic.unsubscribe", { topic: "room:never" })).result, {});
});

Deno.test("a handler subscribes its client by the same rights; a denial that it does not catch is answered", async () => {
  await using live = await start();
  using ann = await join(live, "ann");
  assertEquals(await ann.code("follow", { topic: "room:a" }), 0);
  assertEquals((await ann.call("follow", { topic: "room:c" })).error, { code: DENIED, message: "Forbidden" });
  assertEquals(await ann.code("follow", { topic: "staff" }), DENIED);
  assertEquals(await ann.code("follow", { topic: "unknown" }), -32603, "an undeclared topic throws");
  assertEquals(await ann.code("forget", { topic: "room:c" }), 0, "one that waits for no answer goes on");
  await ann.call("say", saidTo("room:a", "heard"));
  await ann.call("say", saidTo("room:c", "unheard"));
  assertEquals(await ann.heard("room:a"), [{ text: "heard" }]);
  await ann.call("leave", { topic: "room:a" });
  assertEquals(await ann.told(), [], "a client that did not subscribe itself is not told");
  assertEquals(await ann.subscribe("room:a"), 0);
  await ann.call("leave", { topic: "room:a" });
  assertEquals(await ann.told(), [{ method: "topic.ended", params: { topic: "room:a", reason: "unsubscribed" } }]);
  assertEquals(live.lines("handler.restarted", "rooms.v1"), []);
});

Deno.test("a client publishes with a role for it where it may subscribe, and what the schema names", async () => {
  await using live = await start();
  using ann = await join(live, "ann", ["user", "speaker"]);
  using mute = await join(live, "mute");
  using bob = await join(live, "bob");
  using outside = await join(live, "outside", ["speaker"]);
  await bob.subscribe("room:a");
  const publish = (member: Member, topic: string, data: unknown, event = "said") =>
    member.call("topic.publish", { topic, event, data });
  assertEquals((await publish(ann, "room:a", { text: "hi", secret: "s3cr3t" })).result, {});
  await ann.subscribe("room:a");
  assertEquals((await publish(ann, "room:a", { text: "again" })).result, {});
  for (const member of [mute, outside]) {
    assertEquals((await publish(member, "room:a", { text: "no" })).error, { code: DENIED, message: "Forbidden" });
  }
  for (const topic of ["room:c", "room:throws", "news", "unknown", "room:toolongname"]) {
    assertEquals((await publish(ann, topic, { text: "no" })).error, { code: DENIED, message: "Forbidden" }, topic);
  }
  const long = await publish(ann, "room:a", { text: "longer than ten" });
  assertEquals([long.error?.code, (long.error?.data?.["issues"] as { path: unknown }[])[0]?.path], [-32602, [
    "data",
    "text",
  ]]);
  assert(!JSON.stringify(long).includes("longer"), "the value is not repeated");
  assertEquals((await publish(ann, "room:a", {}, "constructor")).error?.code, -32602);
  assertEquals(await ann.code("topic.publish", { topic: 1, event: "said", data: {} }), -32602);
  assertEquals(await bob.heard("room:a"), [{ text: "hi" }, { text: "again" }]);
});

Deno.test("a client with a role for it sees the users present, and others see nothing", async () => {
  await using live = await start();
  using host = await join(live, "host", ["user", "host"]);
  using ann = await join(live, "ann");
  using twice = await join(live, "ann");
  await ann.subscribe("room:a");
  await twice.subscribe("room:a");
  assertEquals((await host.call("topic.presence", { topic: "room:a" })).result, [{ user: "ann", connections: 2 }]);
  for (const topic of ["room:c", "news", "unknown"]) {
    assertEquals((await host.call("topic.presence", { topic })).error, { code: DENIED, message: "Forbidden" }, topic);
  }
  assertEquals(await ann.code("topic.presence", { topic: "room:a" }), DENIED);
});

Deno.test("a new token with other claims or roles ends what it no longer allows, and nothing else", async () => {
  await using live = await start();
  using ann = await join(live, "ann", ["user", "staff"]);
  using bob = await join(live, "bob");
  for (const topic of ["room:a", "room:b", "staff", "news"]) assertEquals(await ann.subscribe(topic), 0, topic);
  await bob.subscribe("room:a");
  await ann.refresh({ roles: ["user"], claims: { out: ["a"] } });
  const told = [await ann.next()];
  assertEquals(told, [{ method: "topic.ended", params: { topic: "staff", reason: "forbidden" } }]);
  for (const room of ["a", "b"]) await bob.call("say", saidTo(`room:${room}`, room));
  for (let i = 0; i < 2; i++) told.push(await ann.next());
  assertEquals(told.slice(1).map(({ method, params }) => [method, params["topic"]]).sort(), [
    ["topic.ended", "room:a"],
    ["topic.event", "room:b"],
  ]);
  assertEquals(await ann.told(), []);
  assertEquals(await bob.heard("room:a"), [{ text: "a" }]);
  assertEquals(await ann.subscribe("room:a"), DENIED);
  await ann.refresh({ roles: ["user"] });
  assertEquals(await ann.subscribe("room:a"), 0);
});

Deno.test("allow is asked again after recheck, and what it takes back is ended", async () => {
  await using live = await start();
  using ann = await join(live, "ann");
  using bob = await join(live, "bob");
  for (const topic of ["room:a", "room:b"]) await ann.subscribe(topic);
  await bob.call("open", { room: "a", to: false });
  assertEquals(await ann.next(), { method: "topic.ended", params: { topic: "room:a", reason: "forbidden" } });
  await bob.call("say", saidTo("room:a", "after"));
  await bob.call("say", saidTo("room:b", "still"));
  assertEquals(await ann.told(), [{ method: "topic.event", params: saidTo("room:b", "still") }]);
  await until(() => live.lines("topic.ended", "rooms.v1").length === 1, "the line of the log");
});

Deno.test("a subscription outlives the cell, and the new cell is asked about it", async () => {
  await using live = await start();
  using ann = await join(live, "ann");
  using bob = await join(live, "bob");
  for (const topic of ["news", "room:a"]) await ann.subscribe(topic);
  await bob.call("open", { room: "c", to: true });
  assertEquals(await ann.subscribe("room:c"), 0);
  await bob.call("fail");
  await live.server.logged("handler.restarted");
  assertEquals(await ann.next(), { method: "topic.ended", params: { topic: "room:c", reason: "forbidden" } });
  await bob.call("say", { topic: "news", event: "item", data: { n: 1 } });
  await bob.call("say", saidTo("room:a", "new"));
  assertEquals((await ann.told()).map(({ params }) => params["topic"]), ["news", "room:a"]);
});
