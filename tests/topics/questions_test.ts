/** Questions to the module about a client's topics: how many there are, what their answers count for, in which order they take effect. */
import { assert, assertEquals } from "../assert.ts";
import { DENIED, ROOM, Topics } from "./topics_world.ts";

/** The presence of all nodes is known one turn later. */
const oneTurn = () => new Promise((resolve) => setImmediate(resolve));

Deno.test("a client that subscribes again while its first subscription is judged follows after the yes", () => {
  const world = new Topics();
  const ids = [world.subscribe()];
  world.ask("topic.unsubscribe", "room:a");
  ids.push(world.subscribe());
  assertEquals(world.asked.length, 1, "the first question has the answer for both");
  world.answer(true);
  world.publish("1");
  world.look();
  assertEquals([ids.map((id) => world.codes.get(id)), world.heard], [[0, 0], ["1"]]);
});

Deno.test("a client is not told that it follows what a handler ended while the module was asked", () => {
  const world = new Topics();
  const id = world.subscribe();
  world.client.unsubscribe("room:a");
  world.answer(true);
  world.publish("1");
  assertEquals([world.look().codes.get(id), world.heard, world.hub.subscriptions], [DENIED, [], 0]);
  const codes: number[] = [];
  world.client.subscribe("room:b", (code) => codes.push(code));
  world.client.unsubscribe("room:b");
  world.client.subscribe("room:b", (code) => codes.push(code));
  world.answer(true);
  assertEquals([codes, world.hub.subscriptions], [[0, 0], 1]);
  world.subscribe("room:c");
  world.client.unsubscribe("room:c");
  const again = world.subscribe("room:c");
  world.answer(true);
  world.publish("2", "room:c");
  assertEquals([world.look().codes.get(again), world.heard], [0, ["2"]], "it subscribed after that");
});

Deno.test("refreshes ask the module once more, not once each", async () => {
  const world = new Topics({ topics: [{ ...ROOM, presence: ["user"] }] });
  const topics = Array.from({ length: 20 }, (_, n) => `room:${n}`);
  const ids = topics.map((topic) => world.subscribe(topic));
  const presence = world.ask("topic.presence", "room:0");
  for (let i = 0; i < 50; i++) world.refresh(["user"], { i });
  assertEquals(world.asked.length, 21, "the cell has one question a topic, and one of the presence");
  for (let i = 0; i < 21; i++) world.answer(true);
  assertEquals([world.hub.subscriptions, world.look().codes.size], [0, 0], "these answers are about an earlier token");
  assertEquals(world.asked.map(({ user }) => user.claims), Array.from({ length: 21 }, () => ({ i: 49 })));
  for (let i = 0; i < 21; i++) world.answer(true);
  await oneTurn();
  world.look();
  assertEquals([...ids, presence].map((id) => world.codes.get(id)), Array(21).fill(0));
});

Deno.test("a client that follows much and refreshes often has eight questions under way, and hears nothing twice", () => {
  const world = new Topics();
  const topics = Array.from({ length: 20 }, (_, n) => `room:${n}`);
  for (const topic of topics) {
    world.subscribe(topic);
    world.answer(true);
  }
  for (let i = 0; i < 50; i++) world.refresh(["user"], { i });
  assertEquals(world.asked.length, 8);
  for (const topic of topics) world.publish(topic, topic);
  let answers = 0;
  for (; world.asked.length > 0; answers++) {
    assert(world.asked.length <= 8, `${world.asked.length} questions are under way`);
    world.answer(true);
  }
  assertEquals([world.look().heard.sort(), answers], [[...topics].sort(), 28]);
});

Deno.test("publications of a client keep their order when the module takes longer to allow the first", () => {
  const world = new Topics({ topics: [{ ...ROOM, publish: ["user"] }] });
  const publish = (n: number) =>
    world.send(JSON.stringify({
      jsonrpc: "2.0",
      id: `p${n}`,
      method: "topic.publish",
      params: { topic: "room:a", event: "said", data: n },
    }));
  world.subscribe();
  publish(1);
  const [subscription, publication] = world.asked.splice(0);
  subscription!.call.resolve("true");
  publish(2);
  assertEquals([world.hub.subscriptions, world.begun.length], [1, 0], "the first one waits, and the second behind it");
  publication!.call.resolve("true");
  publish(3);
  assertEquals(world.begun.map((text) => JSON.parse(text.slice("room:a ".length)).params.data), [1, 2, 3]);
});

Deno.test("a refresh costs a token more for each ten topics about which the module is asked, and for others nothing", () => {
  for (const [allow, passed] of [[true, 16], [false, 20]] as const) {
    const limits = { connection: { rate: 1, burst: 60, bytes_rate: 1e9, bytes_burst: 1e9 } };
    const world = new Topics({ topics: [{ ...ROOM, allow }], limits });
    for (let n = 0; n < 40; n++) {
      world.subscribe(`room:${n}`);
      world.answer(true);
    }
    world.refresh();
    world.refresh();
    const ids = Array.from({ length: 25 }, () => world.ask("now", ""));
    assertEquals([world.look().ended, ids.filter((id) => world.codes.get(id) === 0).length], [[], passed], `${allow}`);
  }
});

Deno.test("presence of a topic with many subscribers costs more tokens, and of one with few no more than the method", async () => {
  for (const [subscribers, passed] of [[499, 2], [500, 1]] as const) {
    const limits = { connection: { rate: 1, burst: 10, bytes_rate: 1e9, bytes_burst: 1e9 } };
    const world = new Topics({ topics: [{ ...ROOM, allow: false, presence: ["user"] }], limits });
    for (let i = 0; i < subscribers; i++) {
      world.hub.subscribe("world.v1", "room:a", { userId: `user ${i}`, deliver() {} });
    }
    for (let i = 0; i < 2; i++) {
      world.ask("topic.presence", "room:a");
      if (world.asked.length > 0) world.answer(true);
    }
    await oneTurn();
    assertEquals([...world.look().codes.values()].filter((code) => code === 0).length, passed, `${subscribers}`);
  }
});

Deno.test("a publication for many subscribers costs more tokens, and one for few no more than the method", () => {
  for (const [subscribers, passed] of [[499, 8], [999, 7]] as const) {
    const limits = { connection: { rate: 1, burst: 9, bytes_rate: 1e9, bytes_burst: 1e9 } };
    const world = new Topics({ topics: [{ ...ROOM, allow: false, publish: ["user"] }], limits });
    for (let i = 0; i < subscribers; i++) {
      world.hub.subscribe("world.v1", "room:a", { userId: `user ${i}`, deliver() {} });
    }
    const params = { topic: "room:a", event: "said", data: 1 };
    world.send(JSON.stringify({ jsonrpc: "2.0", id: "p", method: "topic.publish", params }));
    world.answer(true);
    world.settle(0);
    const ids = Array.from({ length: 12 }, () => world.ask("now", ""));
    world.look();
    assertEquals(ids.filter((id) => world.codes.get(id) === 0).length, passed, `${subscribers}`);
  }
});

Deno.test("an answer of a replaced cell does not count: the new version of the module is asked", () => {
  const world = new Topics();
  world.subscribe();
  world.answer(true);
  const pending = world.subscribe("room:b");
  world.pass(61_000);
  assertEquals(world.asked.map(({ topic }) => topic), ["room:b", "room:a"]);
  world.client.resumed();
  world.answer(true);
  world.answer(true);
  assertEquals([world.look().codes.has(pending), world.hub.subscriptions], [false, 1]);
  assertEquals(world.asked.map(({ topic }) => topic), ["room:b", "room:a"]);
  world.answer(false);
  world.answer(false);
  assertEquals([world.look().codes.get(pending), world.ended], [DENIED, ["room:a forbidden"]]);
});

Deno.test("a version of the module that declares no topics ends what clients follow, and keeps what handlers follow", () => {
  const world = new Topics();
  world.subscribe("news");
  world.subscribe();
  world.answer(true);
  world.client.subscribe("room:b", () => {});
  world.answer(true);
  world.declare([]);
  world.client.resumed();
  for (const topic of ["news", "room:a", "room:b"]) world.publish(topic, topic);
  assertEquals([world.look().ended, world.heard], [["news forbidden", "room:a forbidden"], ["room:b"]]);
});
