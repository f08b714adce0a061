/** `testHandlers()`, as an author uses it. */
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { CallError, type Handlers, testHandlers } from "../../../lib/mod.ts";

const module = (({ z, method }) => ({
  methods: {
    "note.add": method({
      params: z.object({ text: z.string().min(1) }),
      roles: ["user"],
      async handle({ text }, ctx) {
        const all = (ctx.state["all"] ??= []) as string[];
        all.push(text);
        ctx.subscribe("notes");
        ctx.publish("notes", "note.added", { by: ctx.user.id, text });
        return { count: all.length, present: await ctx.presence("notes") };
      },
    }),
    fails: method({
      params: z.object({}),
      handle() {
        throw new Error("inside");
      },
    }),
  },
  open: (ctx, { resumed }) => ctx.log("open", { resumed }),
  close: (ctx, code) => ctx.publish("notes", "note.left", { code }),
})) satisfies Handlers;

Deno.test("testHandlers() calls methods, keeps state by connection, records what was done", async () => {
  const notes = testHandlers(module);
  const ann = { user: "ann", roles: ["user"] };
  const present = [{ user: "ann", connections: 1 }];
  assertEquals(await notes.call("note.add", { text: "a" }, ann), { count: 1, present });
  assertEquals(await notes.call("note.add", { text: "b" }, ann), { count: 2, present });
  assertEquals(await notes.call("note.add", { text: "c" }, { ...ann, connection: "2" }), {
    count: 1,
    present: [{ user: "ann", connections: 2 }],
  });
  await notes.close(1001, ann);
  assertEquals(
    notes.events.filter(({ type }) => type === "publish").map((event) => "params" in event && event.params),
    [
      { by: "ann", text: "a" },
      { by: "ann", text: "b" },
      { by: "ann", text: "c" },
      { code: 1001 },
    ],
  );
  assertEquals(notes.events[0], {
    type: "log",
    connection: "1",
    level: "info",
    message: "open",
    fields: { resumed: false },
  });
});

Deno.test("testHandlers() refuses as the server does", async () => {
  const notes = testHandlers(module);
  const code = async (method: string, params: unknown, roles: string[]) =>
    (await assertRejects(() => notes.call(method, params, { roles }), CallError)).code;
  assertEquals(await code("note.add", { text: "a" }, []), -32003);
  assertEquals(await code("note.add", { text: "" }, ["user"]), -32602);
  assertEquals(await code("none", {}, []), -32601);
  assertEquals(await code("fails", {}, []), -32603);
  const failed = notes.events.find(({ type }) => type === "failed");
  assert(failed?.type === "failed" && failed.error.includes("inside"));
});

Deno.test("testHandlers() rejects with what is wrong with the contract", async () => {
  const broken = testHandlers({ methods: {} });
  await assertRejects(() => broken.call("a"), TypeError, "methods is empty");
});

Deno.test("testHandlers() hands raw frames over", async () => {
  const echo = testHandlers({ raw: { message: (data, ctx) => ctx.send(data) } });
  await echo.message("hi");
  await echo.message(new Uint8Array([1]));
  assertEquals(echo.events.map((event) => event.type === "send" && event.data), ["hi", new Uint8Array([1])]);
});

const auction = (({ z, topic, method, publish, log }) => {
  const late: (() => void)[] = [];
  return {
    topics: {
      "lot:{lot}": topic({ params: z.object({ lot: z.string() }), events: { bid: z.object({ cents: z.int() }) } }),
    },
    methods: {
      bid: method({
        params: z.object({ cents: z.number() }),
        result: z.object({ highest: z.int() }),
        errors: {
          low: { code: 1001, message: "Bid too low", data: z.object({ highest: z.int() }) },
          over: { code: 1002, message: "Over" },
        },
        handle({ cents }, ctx) {
          if (cents === 0) throw ctx.fail("over");
          // Wider than the schema on purpose: what it does not name stays here.
          const data = { highest: 5, secret: "s3cr3t" };
          if (cents < 5) throw ctx.fail("low", data);
          ctx.publish("lot:7", "bid", { cents, ...data });
          late.push(() => publish("lot:7", "bid", { cents }));
          return { ...data, highest: cents };
        },
      }),
      late: method({
        params: z.object({}),
        handle() {
          log("late", { count: late.length });
          for (const run of late) setTimeout(run, 0);
        },
      }),
      stray: method({
        params: z.object({ topic: z.string(), event: z.string() }),
        handle: ({ topic, event }, ctx) => ctx.publish(topic, event, { cents: 1 }),
      }),
    },
  };
}) satisfies Handlers;

Deno.test("testHandlers() answers with declared errors, whose data has only what their schema names", async () => {
  const lots = testHandlers(auction);
  const low = await assertRejects(() => lots.call("bid", { cents: 1 }), CallError);
  assertEquals([low.code, low.message, low.data], [1001, "Bid too low", { highest: 5 }]);
  const over = await assertRejects(() => lots.call("bid", { cents: 0 }), CallError);
  assertEquals([over.code, over.message, over.data], [1002, "Over", undefined]);
  assertEquals(lots.events, []);
});

Deno.test("testHandlers() shows events as their schema leaves them, of calls and of timers", async () => {
  const lots = testHandlers(auction);
  assertEquals(await lots.call("bid", { cents: 9 }), { highest: 9 });
  assertEquals(lots.events, [{ type: "event", connection: "1", topic: "lot:7", event: "bid", data: { cents: 9 } }]);
  await lots.call("late");
  await new Promise((next) => setTimeout(next, 5));
  assertEquals(lots.events.slice(1), [
    { type: "log", connection: "", level: "info", message: "late", fields: { count: 1 } },
    { type: "event", connection: "", topic: "lot:7", event: "bid", data: { cents: 9 } },
  ]);
});

Deno.test("an event that does not fit is not sent: a call fails, a timer is told in the log", async () => {
  const lots = testHandlers(auction);
  const failed = () => lots.events.flatMap((event) => event.type === "failed" ? [event.error] : []);
  assertEquals((await assertRejects(() => lots.call("bid", { cents: 9.5 }), CallError)).code, -32603);
  assert(failed()[0]?.includes('"bid"'), failed()[0]);
  for (const [topic, event] of [["lot:", "bid"], ["lot:7:8", "bid"], ["rot:7", "bid"], ["lot:7", "bit"]] as const) {
    assertEquals((await assertRejects(() => lots.call("stray", { topic, event }), CallError)).code, -32603);
  }
  assertEquals(failed().length, 5);
  assertEquals(lots.events.filter(({ type }) => type === "event"), []);
});

Deno.test("a misfit that a timer publishes is reported, and the timer goes on", async () => {
  let tick = () => {};
  const lots = testHandlers(({ z, topic, publish }) => {
    tick = () => {
      publish("news", "item", { title: 1 });
      publish("news", "item", { title: "a" });
    };
    return {
      topics: { news: topic({ events: { item: z.object({ title: z.string() }) } }) },
      methods: { a: { params: z.object({}), handle: () => 1 } },
    };
  });
  await lots.call("a");
  tick();
  await new Promise((next) => setTimeout(next, 5));
  assertEquals(lots.events.map(({ type }) => type), ["failed", "event"]);
});

Deno.test("a module that publishes while it is made is told so", async () => {
  const early = testHandlers(({ z, publish }) => {
    publish("a", "b");
    return { methods: { a: { params: z.object({}), handle: () => 1 } } };
  });
  await assertRejects(() => early.call("a"), Error, "before it has loaded");
});

Deno.test("testHandlers() asks roles and allow of a topic for a handler's subscription, as the server does", async () => {
  const world = testHandlers(
    (({ z, method }) => ({
      topics: {
        "open": { events: { said: z.object({}) } },
        "staff": { roles: ["staff"], events: { said: z.object({}) } },
        "own:{user}": {
          params: z.object({ user: z.string() }),
          allow: ({ user }, ctx) => user === ctx.user.id,
          events: { said: z.object({}) },
        },
      },
      methods: {
        follow: method({
          params: z.object({ topic: z.string() }),
          handle: ({ topic }, ctx) => ctx.subscribe(topic as "open").then(() => "followed"),
        }),
      },
    })) satisfies Handlers,
  );
  const follow = (topic: string, roles: string[] = []) => world.call("follow", { topic }, { user: "ann", roles });
  assertEquals(await follow("open"), "followed");
  assertEquals(await follow("own:ann"), "followed");
  for (const topic of ["staff", "own:bob"]) {
    const refused = await assertRejects(() => follow(topic), CallError);
    assertEquals(refused.code, -32003, topic);
  }
  assertEquals(await world.call("follow", { topic: "staff" }, { roles: ["staff"], connection: "2" }), "followed");
});

Deno.test("testHandlers() tells open that a connection is resumed, and presence what the test says", async () => {
  const notes = testHandlers(module);
  await notes.open({ roles: ["user"] }, { resumed: true });
  assertEquals(notes.events, [{
    type: "log",
    connection: "1",
    level: "info",
    message: "open",
    fields: { resumed: true },
  }]);
  const present = [{ user: "eve", connections: 7 }];
  notes.presence.set("notes", present);
  assertEquals(await notes.call("note.add", { text: "a" }, { roles: ["user"] }), { count: 1, present });
  const unknown = await assertRejects(() => notes.call("topic.follow", {}), CallError);
  assertEquals(unknown.code, -32601);
});
