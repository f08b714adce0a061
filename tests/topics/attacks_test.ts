/** Ways to hear what one may not, and ways in which more than a schema names could leave: none succeeds, and honest clients notice nothing. */
import { assert, assertEquals } from "../assert.ts";
import { Live } from "../helpers/module_server.ts";
import { until } from "../helpers/until.ts";
import { Member } from "./member.ts";

const SECRET = "s3cr3t";
const DENIED = -32003;

const VAULTS = `export default ({ z, topic }) => ({
  topics: {
    "vault:{owner}": topic({
      params: z.object({ owner: z.string() }),
      roles: ["user"],
      allow: ({ owner }, ctx) => owner === ctx.user.id,
      recheck: "1s",
      publish: ["user"],
      presence: ["user"],
      events: { put: z.object({ text: z.string() }) },
    }),
    "é/vault": topic({ allow: () => false, events: { put: z.object({ text: z.string() }) } }),
  },
  methods: {
    put: { params: z.object({ topic: z.string(), text: z.string() }), handle({ topic, text }, ctx) { ctx.publish(topic, "put", { text }); return true; } },
    follow: { params: z.object({ topic: z.unknown() }), async handle({ topic }, ctx) { await ctx.subscribe(topic); return true; } },
  },
});`;

/** Names beside the secret ones that some matcher would take for them. */
const TRICKS: readonly string[] = [
  "vault:ann",
  "vault:{owner}",
  "vault:*",
  "vault:#",
  "vault:",
  "vault",
  "VAULT:ann",
  "Vault:ANN",
  "vault:ann ",
  " vault:ann",
  "vault:ann\u0000",
  "vault:ann\u0000eve",
  "vault:eve\nvault:ann",
  "vault:eve,vault:ann",
  "vault:eve:ann",
  "vault:eve/ann",
  "vault:eve/../ann",
  "vault::ann",
  "vault/ann",
  "vault%3Aann",
  "vault:%61nn",
  "vault\uff1aann",
  "vault:ann\u200b",
  "vault:\u202eann",
  "vault:a\u0301nn",
  "vault:__proto__",
  "vault:constructor",
  "e\u0301/vault",
  "\u00e9/vault",
  "\ud800vault:ann",
  `vault:${"a".repeat(507)}`,
  `vault:${"a".repeat(60_000)}`,
  "",
];

/** Parameters that are no such thing, as JSON text. */
const ODD_PARAMS: readonly string[] = [
  '{"topic":["vault:ann"]}',
  '{"topic":{"toString":"vault:ann"}}',
  '{"topic":null}',
  '{"topic":0}',
  '["vault:ann"]',
  '{"Topic":"vault:ann"}',
  '{"__proto__":{"topic":"vault:ann"}}',
  '{"topic":"vault:eve","topic":"vault:ann"}',
  '{"topic":"vault:ann","user":"ann","owner":"eve","roles":["admin"]}',
];

Deno.test("no name and no parameter subscribes to, publishes on or looks into what a client may not", async () => {
  await using live = await Live.start({ "vaults.v1": VAULTS, "others.v1": VAULTS }, {
    messages: { max_invalid: 1_000 },
  });
  using ann = await Member.join(live.server, "ann", { subprotocol: "vaults.v1" });
  using eve = await Member.join(live.server, "eve", { subprotocol: "vaults.v1" });
  using elsewhere = await Member.join(live.server, "ann", { subprotocol: "others.v1" });
  assertEquals([
    await ann.subscribe("vault:ann"),
    await eve.subscribe("vault:eve"),
    await elsewhere.subscribe("vault:ann"),
  ], [0, 0, 0]);
  for (const topic of TRICKS) {
    const what = JSON.stringify(topic.slice(0, 60));
    assertEquals(await eve.subscribe(topic), DENIED, what);
    assertEquals(await eve.code("topic.publish", { topic, event: "put", data: { text: "from eve" } }), DENIED, what);
    assertEquals(await eve.code("topic.presence", { topic }), DENIED, what);
    assert([DENIED, -32603].includes(await eve.code("follow", { topic })), what);
  }
  for (const params of ODD_PARAMS) {
    await eve.client.text(`{"jsonrpc":"2.0","id":0,"method":"topic.subscribe","params":${params}}`);
    assert([DENIED, -32602].includes((await eve.answer(0)).error?.code ?? 0), params);
    await eve.client.text(`{"jsonrpc":"2.0","method":"topic.subscribe","params":${params}}`);
    await eve.client.text(`[{"jsonrpc":"2.0","method":"topic.subscribe","params":${params}}]`);
  }
  for (const text of ["one", "two"]) {
    assertEquals(await ann.code("put", { topic: "vault:ann", text: SECRET + text }), 0);
  }
  await ann.call("put", { topic: "é/vault", text: SECRET });
  await elsewhere.call("put", { topic: "vault:eve", text: SECRET });
  assertEquals(await eve.told(), []);
  assert(eve.texts.every((text) => !text.includes(SECRET)), "nothing of it is in any message");
  assertEquals(await ann.heard("vault:ann"), ["one", "two"].map((text) => ({ text: SECRET + text })));
  assertEquals(await elsewhere.told(), []);
});

const SHARED = `export default ({ z, topic }) => {
  const members = new Set(["ann", "eve"]);
  return {
    topics: {
      club: topic({ allow: (_, ctx) => members.has(ctx.user.id), recheck: "1s", events: { said: z.object({ n: z.int() }) } }),
    },
    methods: {
      expel: { params: z.object({ user: z.string() }), handle({ user }) { members.delete(user); return true; } },
      say: { params: z.object({ n: z.int() }), handle({ n }, ctx) { ctx.publish("club", "said", { n }); return true; } },
      work: { params: z.object({}), handle() { for (const end = performance.now() + 20; performance.now() < end;); return true; } },
    },
  };
};`;

Deno.test("a client that keeps the cell busy does not keep a right that it has lost", async () => {
  await using live = await Live.start({ "club.v1": SHARED }, {}, { timeout: "10s" });
  using ann = await Member.join(live.server, "ann", { subprotocol: "club.v1" });
  using eve = await Member.join(live.server, "eve", { subprotocol: "club.v1" });
  for (const member of [ann, eve]) assertEquals(await member.subscribe("club"), 0);
  await ann.call("say", { n: 1 });
  await ann.call("expel", { user: "eve" });
  // As many as may be in flight: each answer makes room for the next.
  let busy = true;
  const flood = (async () => {
    const ids: number[] = [];
    while (busy) {
      while (ids.length < 60) ids.push(await eve.send("work", {}));
      await eve.answer(ids.shift()!);
    }
  })();
  await until(() => live.lines("topic.ended", "club.v1").length > 0, "the end of the right", 60_000);
  await ann.call("say", { n: 2 });
  busy = false;
  await flood;
  const told = await eve.told();
  assertEquals(told.map(({ method, params }) => [method, params["data"] ?? params["reason"]]), [
    ["topic.event", { n: 1 }],
    ["topic.ended", "forbidden"],
  ]);
  assertEquals(await ann.heard("club"), [{ n: 1 }, { n: 2 }]);
});

const LEAKY = `export default ({ z, topic, publish }) => {
  const secret = "${SECRET}";
  const event = z.object({ n: z.int(), inner: z.object({ a: z.int() }).optional(), list: z.array(z.object({ a: z.int() })).optional() });
  const rows = {
    plain: { n: 1, secret },
    nested: { n: 2, secret, inner: { a: 1, secret }, list: [{ a: 1, secret }] },
    getter: { n: 3, get secret() { return secret; } },
    json: { n: 4, toJSON: () => ({ n: 4, secret }) },
    inherited: Object.assign(Object.create({ secret }), { n: 5, secret }),
    symbol: { n: 6, [Symbol("secret")]: secret, [secret]: 1 },
    row: new (class Row { n = 7; secret = secret; })(),
    proxy: new Proxy({ n: 8, secret }, {}),
    wrong: { n: "${SECRET}" },
    text: secret,
    list: [{ n: 9, secret }],
  };
  const send = (name, ctx) => ctx.publish("room", "said", rows[name]);
  return {
    topics: { room: topic({ publish: ["user"], events: { said: event } }) },
    methods: {
      names: { params: z.object({}), handle: () => Object.keys(rows) },
      publish: { params: z.object({ name: z.string() }), handle({ name }, ctx) { send(name, ctx); return true; } },
      timer: { params: z.object({ name: z.string() }), handle({ name }) { setTimeout(() => publish("room", "said", rows[name])); return true; } },
      later: { params: z.object({ name: z.string() }), handle({ name }, ctx) { queueMicrotask(() => { try { send(name, ctx); } catch {} }); return true; } },
      notify: { params: z.object({ name: z.string() }), handle({ name }, ctx) { ctx.notify("topic.event", { topic: "room", event: "said", data: rows[name] }); return true; } },
      other: { params: z.object({ name: z.string() }), handle({ name }, ctx) { ctx.publish("room", "topic.event", rows[name]); return true; } },
      result: { params: z.object({ name: z.string() }), result: event, handle: ({ name }) => rows[name] },
      fail: {
        params: z.object({ name: z.string() }),
        errors: { no: { code: 1, message: "No", data: event } },
        handle({ name }, ctx) { throw ctx.fail("no", rows[name]); },
      },
    },
    open(ctx) { try { for (const name in rows) send(name, ctx); } catch {} },
    close(ctx) { try { for (const name in rows) send(name, ctx); } catch {} },
  };
};`;

Deno.test("a field that a schema does not name reaches no client, on each way of sending", async () => {
  await using live = await Live.start({ "leaky.v1": LEAKY });
  using listener = await Member.join(live.server, "listener", { subprotocol: "leaky.v1" });
  using sender = await Member.join(live.server, "sender", { subprotocol: "leaky.v1" });
  assertEquals(await listener.subscribe("room"), 0);
  const names = (await sender.call("names")).result as string[];
  const data = { n: 1, secret: SECRET, inner: { a: 1, secret: SECRET } };
  assertEquals(await sender.code("topic.publish", { topic: "room", event: "said", data }), 0);
  for (const name of names) {
    for (const way of ["publish", "timer", "later", "notify", "other", "result", "fail"]) {
      const code = await sender.code(way, { name });
      if (way === "notify" || way === "other") assertEquals(code, -32603, `${way} ${name}`);
    }
  }
  // Its `open` and `close` publish as well.
  {
    using guest = await Member.join(live.server, "guest", { subprotocol: "leaky.v1" });
    assert((await guest.told()).every(({ method }) => method === "topic.event"));
  }
  await live.server.logged("connection.closed", ({ user }) => user === "guest");
  await live.server.logged("handler.failed", ({ method }) => method === "publish");
  const heard = await listener.heard("room") as Record<string, unknown>[];
  assert(heard.length > 3 * 8, `${heard.length} events were heard`);
  for (const event of heard) {
    assert(Object.keys(event).every((key) => ["n", "inner", "list"].includes(key)), JSON.stringify(event));
  }
  for (const { texts } of [listener, sender]) {
    assertEquals(texts.filter((text) => text.includes(SECRET)), []);
  }
});

const GATED = `export default ({ z, topic }) => {
  let asked = 0;
  let open;
  let gate = new Promise((resolve) => open = resolve);
  return {
    topics: {
      "room:{room}": topic({
        params: z.object({ room: z.string() }),
        async allow({ room }) {
          asked++;
          if (room === "first" ? asked === 2 : room !== "free") await gate;
          return true;
        },
        publish: ["user"],
        events: { said: z.object({ n: z.int() }) },
      }),
    },
    methods: {
      asked: { params: z.object({}), handle: () => asked },
      open: { params: z.object({}), handle() { open(); gate = Promise.resolve(); return asked; } },
    },
  };
};`;

Deno.test("a client that refreshes its token while much is judged costs its neighbour nothing", async () => {
  await using live = await Live.start({ "gated.v1": GATED });
  using ann = await Member.join(live.server, "ann", { subprotocol: "gated.v1" });
  using eve = await Member.join(live.server, "eve", { subprotocol: "gated.v1" });
  const pending = [];
  for (let n = 0; n < 30; n++) pending.push(await eve.send("topic.subscribe", { topic: `room:${n}` }));
  for (let n = 0; n < 60; n++) await eve.refresh({ claims: { n } });
  assertEquals((await ann.call("asked")).result, 30, "one question a topic");
  assertEquals(await ann.subscribe("room:free"), 0);
  assertEquals((await ann.call("topic.publish", { topic: "room:free", event: "said", data: { n: 1 } })).result, {});
  assertEquals(await ann.heard("room:free"), [{ n: 1 }]);
  await ann.call("open");
  for (const id of pending) assertEquals((await eve.answer(id)).result, {});
  assertEquals((await ann.call("asked")).result, 61, "one more for the last token, and that of ann");
});

Deno.test("publications of a client arrive in their order when it subscribes while the first is judged", async () => {
  await using live = await Live.start({ "gated.v1": GATED });
  using ann = await Member.join(live.server, "ann", { subprotocol: "gated.v1" });
  using bob = await Member.join(live.server, "bob", { subprotocol: "gated.v1" });
  const publish = (n: number) => ann.send("topic.publish", { topic: "room:first", event: "said", data: { n } });
  assertEquals(await bob.subscribe("room:first"), 0);
  const first = await publish(1);
  assertEquals(await ann.subscribe("room:first"), 0, "the module takes long for the first question only");
  const second = await publish(2);
  assertEquals(await bob.heard("room:first"), []);
  await bob.call("open");
  for (const id of [first, second]) assertEquals((await ann.answer(id)).result, {});
  assertEquals(await bob.heard("room:first"), [{ n: 1 }, { n: 2 }]);
});

const ANSWERS = `export default ({ z, topic }) => {
  const ways = {
    one: () => 1,
    text: () => "true",
    object: () => new Boolean(true),
    list: () => [true],
    nothing: () => {},
    later: async () => "true",
    thenable: () => ({ then: (answer) => answer("true") }),
    function: () => Object.assign(() => true, { then: (answer) => answer(true) }),
    patched: () => Object.assign(Promise.resolve(false), { then: (answer) => answer(true) }),
    twice: () => ({ then: (answer) => { answer(false); answer(true); } }),
    getter: () => ({ get then() { throw true; } }),
    proxy: () => new Proxy({}, { get() { throw new Error("${SECRET}"); } }),
    throws: () => { throw true; },
    rejects: () => Promise.reject(true),
    never: () => new Promise(() => {}),
    yes: () => true,
    laterYes: async () => true,
  };
  return {
    topics: {
      "way:{way}": topic({
        params: z.object({ way: z.string() }),
        allow: ({ way }) => ways[way](),
        publish: ["user"],
        presence: ["user"],
        events: { said: z.object({ n: z.int() }) },
      }),
    },
    methods: { ways: { params: z.object({}), handle: () => Object.keys(ways) } },
  };
};`;

Deno.test("allow permits by true alone: no other value, error or silence, and no name that its table inherits", async () => {
  await using live = await Live.start({ "answers.v1": ANSWERS }, {}, { timeout: "1s" });
  using eve = await Member.join(live.server, "eve", { subprotocol: "answers.v1" });
  const ways = (await eve.call("ways")).result as string[];
  const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty"];
  for (const way of [...ways, ...inherited]) {
    const topic = `way:${way}`;
    const code = /yes/i.test(way) ? 0 : DENIED;
    const called = [
      await eve.code("topic.publish", { topic, event: "said", data: { n: 1 } }),
      await eve.code("topic.presence", { topic }),
      await eve.subscribe(topic),
    ];
    assertEquals(called, [code, code, code], way);
  }
  assert(eve.texts.every((text) => !text.includes(SECRET)), "errors stay in the log");
  assertEquals(live.lines("handler.restarted", "answers.v1"), []);
});
