/** `POST /publish` of a real server: events from a backend, through the schemas of the modules. */
import { assertEquals, assertNotMatch } from "../assert.ts";
import { Live } from "../helpers/module_server.ts";
import { call, join } from "../helpers/client.ts";

const ADMIN = "publish-admin-token-1234";

const topics = (text: string) =>
  `export default ({ z, topic }) => ({
  topics: {
    "room:{room}": topic({
      params: z.object({ room: z.string() }),
      events: { message: z.object({ text: ${text} }), note: z.string().transform((text) => text.toUpperCase()) },
    }),
  },
  methods: { ping: { params: z.object({}), handle: () => "pong" } },
});`;

const FREE = `export default ({ z }) => ({
  methods: { join: { params: z.object({}), handle(_, ctx) { ctx.subscribe("room:a"); return "joined"; } } },
});`;

async function withLive(test: (live: Live, publish: Publish) => Promise<void>): Promise<void> {
  const modules = {
    "chat.v1": topics("z.string().max(5)"),
    "other.v1": topics("z.number()").replace('"room:{', '"hall:{'),
    "same.v1": topics("z.number()"),
    "free.v1": FREE,
  };
  const token = await Deno.makeTempFile({ prefix: "sallyport-admin-" });
  await Deno.writeTextFile(token, ADMIN);
  await using live = await Live.start(modules, { ops: { host: "127.0.0.1", port: 0, admin_token_file: token } });
  await Deno.remove(token);
  await test(live, async (body) => {
    const response = await fetch(`${live.server.opsUrl}/publish`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN}` },
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  });
}
type Publish = (body: unknown) => Promise<[status: number, answer: unknown]>;

Deno.test("a backend's events go through the schemas of the module that declares the topic", async (t) => {
  await withLive(async (live, publish) => {
    using ann = await join(live.server, { subprotocol: "chat.v1", user: "ann" });
    using bob = await join(live.server, { subprotocol: "same.v1", user: "bob" });
    using cyd = await join(live.server, { subprotocol: "free.v1", user: "cyd" });
    for (const client of [ann, bob]) {
      assertEquals((await call(client, "topic.subscribe", { topic: "room:a" })).result, {});
    }
    assertEquals((await call(cyd, "join", {})).result, "joined");
    const next = async () => JSON.parse(await ann.nextText()) as { method: string; params: unknown };

    await t.step("it is sent as its schema leaves it, to the module's subscribers only", async () => {
      const data = { text: "hi", secret: "swordfish" };
      const event = { topic: "room:a", event: "message", data, module: "chat.v1" };
      assertEquals(await publish(event), [200, { delivered: 1 }]);
      assertEquals((await next()).params, { topic: "room:a", event: "message", data: { text: "hi" } });
      assertEquals(await publish({ ...event, event: "note", data: "loud" }), [200, { delivered: 1 }]);
      assertEquals((await next()).params, { topic: "room:a", event: "note", data: "LOUD" });
      assertEquals(await publish({ ...event, topic: "room:empty" }), [200, { delivered: 0 }]);
    });
    await t.step("a misfit is named by path, code and message, never by its value, and not sent", async () => {
      const [status, answer] = await publish({
        topic: "room:a",
        event: "message",
        data: { text: "swordfish" },
        module: "chat.v1",
      });
      const { error, issues } = answer as { error: string; issues: { path: unknown; code: string; message: string }[] };
      assertEquals([status, error, issues.map(({ path, code }) => [path, code])], [422, "invalid_data", [[
        ["data", "text"],
        "too_big",
      ]]]);
      assertNotMatch(JSON.stringify(answer), /swordfish/);
    });
    await t.step("the module is named where several declare the topic", async () => {
      const event = { topic: "room:a", event: "message", data: { text: "hi" } };
      assertEquals(await publish(event), [409, { error: "ambiguous_module", modules: ["chat.v1", "same.v1"] }]);
      assertEquals(await publish({ ...event, topic: "hall:a", data: { text: 1 } }), [200, { delivered: 0 }]);
    });
    await t.step("a topic that no module declares is unknown", async () => {
      const event = { topic: "room:a", event: "message", data: { text: "hi" }, module: "chat.v1" };
      assertEquals(await publish({ ...event, module: "none.v1" }), [404, { error: "unknown_module" }]);
      assertEquals(await publish({ ...event, module: "free.v1" }), [404, { error: "unknown_topic" }]);
      for (const topic of ["rooms:a", "ROOM:a", "room:", "room:a:b", "room:{room}", "room:a\n", "x".repeat(512)]) {
        assertEquals(await publish({ ...event, topic }), [404, { error: "unknown_topic" }], topic);
      }
      assertEquals(await publish({ ...event, event: "typing" }), [404, { error: "unknown_event" }]);
      assertEquals(await publish({ ...event, event: "__proto__" }), [404, { error: "unknown_event" }]);
    });
    await t.step("a notification still reaches free topics, and no declared one", async () => {
      const notification = { topic: "room:a", method: "note", params: { secret: "swordfish" } };
      assertEquals(await publish(notification), [200, { published: "room:a" }]);
      assertEquals(JSON.parse(await cyd.nextText()), { jsonrpc: "2.0", method: "note", params: notification.params });
      assertEquals(await publish({ ...notification, topic: "room:b" }), [409, { error: "declared_topic" }]);
      // Had ann been sent anything else, it would have come before this answer.
      assertEquals((await call(ann, "ping", {})).result, "pong");
    });
  });
});
