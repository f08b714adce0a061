/** The examples, by the kit an author would use. */
import { assert, assertEquals, assertRejects } from "../assert.ts";
import chat from "../../examples/chat/chat.ts";
import echo from "../../examples/echo/echo.ts";
import raw from "../../examples/echo/raw.ts";
import { CallError, testHandlers } from "../../lib/mod.ts";

const ann = { user: "ann", roles: ["user"], connection: "a" };
const bob = { user: "bob", roles: ["user"], connection: "b" };

Deno.test("chat.send publishes to the room and answers ok", async () => {
  const room = testHandlers(chat);
  assertEquals(await room.call("chat.send", { room: "lobby", text: "<b>hi</b>" }, ann), { ok: true });
  assertEquals(room.events, [{
    type: "publish",
    connection: "a",
    topic: "room:lobby",
    method: "chat.message",
    params: { from: "ann", text: "<b>hi</b>" },
  }]);
});

Deno.test("chat.join, chat.who and chat.leave", async () => {
  const room = testHandlers(chat);
  await room.call("chat.join", { room: "lobby" }, ann);
  await room.call("chat.join", { room: "lobby" }, ann);
  await room.call("chat.join", { room: "lobby" }, bob);
  assertEquals(await room.call("chat.who", { room: "lobby" }, ann), {
    users: [{ user: "ann", connections: 1 }, { user: "bob", connections: 1 }],
  });
  await room.call("chat.leave", { room: "lobby" }, ann);
  assertEquals(await room.call("chat.who", { room: "lobby" }, bob), { users: [{ user: "bob", connections: 1 }] });
  await room.close(1000, bob);
  const said = room.events.flatMap((event) => event.type === "publish" ? [event.method] : []);
  assertEquals(said, ["chat.joined", "chat.joined", "chat.left", "chat.left"]);
});

Deno.test("chat refuses what does not fit, and callers without the role", async () => {
  const room = testHandlers(chat);
  const code = async (method: string, params: unknown, user = ann) =>
    (await assertRejects(() => room.call(method, params, user), CallError)).code;
  assertEquals(await code("chat.send", { room: "a", text: "" }), -32602);
  assertEquals(await code("chat.send", { room: "a", text: "x".repeat(2001) }), -32602);
  assertEquals(await code("chat.send", { room: "x".repeat(65), text: "x" }), -32602);
  assertEquals(await code("chat.send", { room: "a", text: "x" }, { ...ann, roles: [] }), -32003);
  for (let i = 0; i < 20; i++) await room.call("chat.join", { room: `r${i}` }, ann);
  assertEquals(await code("chat.join", { room: "one too many" }), -32603);
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
