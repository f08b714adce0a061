/** The examples, by the kit an author would use. */
import { assert, assertEquals, assertRejects } from "../assert.ts";
import chat from "../../examples/chat/chat.ts";
import echo from "../../examples/echo/echo.ts";
import raw from "../../examples/echo/raw.ts";
import { CallError, testHandlers } from "../../lib/mod.ts";

const ann = { user: "ann", roles: ["user"], connection: "a" };
const bob = { user: "bob", roles: ["user"], connection: "b" };

Deno.test("chat.send sends an event to the room and answers ok", async () => {
  const room = testHandlers(chat);
  assertEquals(await room.call("topic.subscribe", { topic: "room:lobby" }, ann), {});
  assertEquals(await room.call("chat.send", { room: "lobby", text: "<b>hi</b>" }, ann), { ok: true });
  assertEquals(room.events, [
    { type: "subscribe", connection: "a", topic: "room:lobby" },
    {
      type: "event",
      connection: "a",
      topic: "room:lobby",
      event: "message",
      data: { from: "ann", text: "<b>hi</b>" },
    },
  ]);
});

Deno.test("a room is entered, seen and left by the server's methods", async () => {
  const room = testHandlers(chat);
  const topic = { topic: "room:lobby" };
  for (const user of [ann, ann, bob]) assertEquals(await room.call("topic.subscribe", topic, user), {});
  const both = [{ user: "ann", connections: 1 }, { user: "bob", connections: 1 }];
  assertEquals(await room.call("topic.presence", topic, ann), both);
  await room.call("topic.unsubscribe", topic, ann);
  assertEquals(await room.call("topic.presence", topic, bob), [{ user: "bob", connections: 1 }]);
});

Deno.test("chat refuses what does not fit, and callers without the role", async () => {
  const room = testHandlers(chat);
  const code = async (method: string, params: unknown, user = ann) =>
    (await assertRejects(() => room.call(method, params, user), CallError)).code;
  assertEquals(await code("chat.send", { room: "a", text: "" }), -32602);
  assertEquals(await code("chat.send", { room: "a", text: "x".repeat(2001) }), -32602);
  for (const name of ["", "x".repeat(65), "a:b", "a/b", "{a}", "a\n"]) {
    assertEquals(await code("chat.send", { room: name, text: "x" }), -32602, name);
    assertEquals(await code("topic.subscribe", { topic: `room:${name}` }), -32003, name);
  }
  assertEquals(await code("chat.send", { room: "a", text: "x" }, { ...ann, roles: [] }), -32003);
  assertEquals(await code("topic.subscribe", { topic: "room:a" }, { ...ann, roles: [], connection: "c" }), -32003);
  assertEquals(
    await code("topic.publish", { topic: "room:a", event: "message", data: { from: "bob", text: "x" } }),
    -32003,
  );
});

Deno.test("chat.preview escapes", async () => {
  const answer = await testHandlers(chat).call("chat.preview", { text: `<img src="x" onerror='y'> & so` }, ann);
  const { html } = answer as { html: string };
  assert(!/[<>"']/.test(html), html);
});

Deno.test("echo gives back what it was sent", async () => {
  assertEquals(await testHandlers(echo).call("echo", { text: "ü" }), { text: "ü" });
  const frames = testHandlers(raw);
  await frames.message("x");
  assertEquals(frames.events, [{ type: "send", connection: "1", data: "x" }]);
});
