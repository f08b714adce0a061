/** Make before break: what the old connection and the new one do when a server drains. By a clock in the test's hands. */
import { assert, assertEquals } from "../assert.ts";
import { type FakeSocket, settle, soon, World } from "./world.ts";

const methods = (socket: FakeSocket | undefined) => socket?.calls.map(({ method }) => method);

Deno.test("calls go on the old line until the new one is open, while the server says that it reads", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  old.notify("session.reconnect", { after_ms: 3_000, serves_ms: 5_000 });
  await world.pass(2_999);
  const before = world.client.call("before", {});
  assertEquals([methods(old), world.sockets.length], [["before"], 1]);
  await world.pass(1);
  assertEquals([world.sockets.length, world.client.state], [2, "open"]);
  const after = world.client.call("after", {});
  assertEquals([methods(old), methods(world.socket)], [["before"], ["after"]]);
  world.answer(old.calls[0], { result: "old" }, old);
  world.answer(world.socket.calls[0], { result: "new" });
  assertEquals([await soon(before, "the call before"), await soon(after, "the call after")], ["old", "new"]);
  assertEquals(world.states.map(([state]) => state), ["connecting", "open"], "nothing was noticed");
});

Deno.test("calls wait for the new line once the server reads nothing more from the old one", async () => {
  for (const serves_ms of [2_000, 0, -1, "soon", null, undefined]) {
    using world = await World.open();
    await world.pass(10_000);
    const old = world.socket;
    world.accepting = false;
    old.notify("session.reconnect", { after_ms: 1_000, serves_ms });
    await world.pass(2_000);
    const call = world.client.call("late", {});
    await world.pass(100);
    assertEquals([methods(old), methods(world.socket)], [[], []], `serves_ms: ${serves_ms}`);
    world.socket.open();
    await settle();
    world.answer(world.socket.calls[0], { result: 1 });
    assertEquals(await soon(call, "the call"), 1);
  }
});

Deno.test("an old line is closed as soon as its calls are answered, and not before", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  const calls = ["a", "b"].map((method) => world.client.call(method, {}).catch(({ outcome }) => outcome));
  old.notify("session.reconnect", { after_ms: 1_000, serves_ms: 5_000 });
  await world.pass(3_000);
  world.answer(old.calls[0], { result: 1 }, old);
  await settle();
  assertEquals([world.sockets.length, old.closed], [2, 0]);
  world.answer(old.calls[1], { error: { code: -32003, message: "Forbidden" } }, old);
  await settle();
  assertEquals([old.closed, world.socket.closed], [1, 0]);
  assertEquals([await soon(Promise.all(calls), "the calls"), world.client.state], [[1, "refused"], "open"]);
});

Deno.test("an answer on another line than that of its call settles nothing", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  const call = world.client.call("m", {});
  old.notify("session.reconnect", { after_ms: 1_000, serves_ms: 5_000 });
  await world.pass(1_000);
  world.answer(old.calls[0], { result: "forged" }, world.socket);
  await settle();
  assertEquals(old.closed, 0, "the call is pending");
  world.answer(old.calls[0], { result: "honest" }, old);
  assertEquals(await soon(call, "the call"), "honest");
});

Deno.test("an old line without calls is closed at once", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  old.notify("session.reconnect", { after_ms: 1_000, serves_ms: 5_000 });
  await world.pass(999);
  assertEquals(old.closed, 0);
  await world.pass(1);
  assertEquals([world.sockets.length, old.closed, world.socket.closed], [2, 1, 0]);
});

Deno.test("an old line stays until the new one has the subscriptions; no event is missed", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const topic = world.client.subscribe("t");
  const seen: unknown[] = [];
  const states: unknown[] = [];
  topic.on("e", (data) => seen.push(data));
  const old = world.socket;
  world.answer(old.calls[0], { result: {} });
  await settle();
  topic.onState((state) => states.push(state));
  old.notify("session.reconnect", { after_ms: 1_000, serves_ms: 5_000 });
  await world.pass(3_000);
  assertEquals([world.sockets.length, old.closed], [2, 0]);
  old.notify("topic.event", { topic: "t", event: "e", data: 1 });
  world.answer(world.socket.calls[0], { result: {} });
  await settle();
  assertEquals(old.closed, 1);
  world.socket.notify("topic.event", { topic: "t", event: "e", data: 2 });
  assertEquals([seen, states, topic.state], [[1, 2], [], "live"]);
});

Deno.test("a line that can't be replaced goes on, and attempts come with growing delays", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  world.accepting = false;
  old.notify("session.reconnect", { after_ms: 1_000, serves_ms: 60_000 });
  await world.pass(1_000);
  for (let attempt = 2; attempt <= 5; attempt++) {
    assertEquals([world.sockets.length, world.client.state], [attempt, "open"]);
    world.socket.end(1006);
    await world.pass(250 * 2 ** (attempt - 2));
  }
  const call = world.client.call("served", {});
  world.answer(old.calls[0], { result: "still" }, old);
  assertEquals(await soon(call, "the call"), "still");
  old.end(1001, "draining");
  assertEquals(world.client.state, "connecting");
});

Deno.test("at most two connections are kept when a server drains again and again with calls unanswered", async () => {
  using world = await World.open();
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < 20; n++) {
    calls.push(world.client.call(`m${n}`, {}, { timeout: 1e9 }).catch(({ outcome }) => outcome));
    await world.pass(10_000);
    world.socket.notify("session.reconnect", { after_ms: 0, serves_ms: 1e308 });
    await world.pass(1_000);
    const open = world.sockets.filter(({ readyState }) => readyState === 1).length;
    assert(open <= 2, `${open} sockets are open`);
  }
  await world.client.close();
  assertEquals(new Set(await soon(Promise.all(calls), "the calls")), new Set(["unknown"]));
});
