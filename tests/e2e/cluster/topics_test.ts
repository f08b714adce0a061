/** Topics and presence of several nodes. */
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { optional } from "../../helpers/optional.ts";
import { assertComplete, REDIS, TestClient, TestCluster } from "./nodes.ts";

const COUNT = 500;

Deno.test(optional(REDIS, "an event reaches the subscribers of all nodes, in one order, each once", async (t) => {
  await using cluster = await TestCluster.start(2);
  const [a, b] = cluster.nodes as [typeof cluster.nodes[0], typeof cluster.nodes[0]];
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  for (const client of [ann, bob]) await client.subscribe("room:r");

  await t.step("publications of both nodes at once have the same order on both", async () => {
    // Calls one after the other, so that the nodes take turns.
    const say = async (client: TestClient, from: number) => {
      for (let n = from; n < from + COUNT; n += 10) {
        assertEquals((await client.call("room.say", { room: "r", from: n, count: 10 })).result, true);
      }
    };
    await Promise.all([say(ann, 0), say(bob, COUNT)]);
    await until(() => ann.events.length >= 2 * COUNT && bob.events.length >= 2 * COUNT, "all events on both nodes");
    assertEquals(ann.events, bob.events);
    assertEquals(ann.events.length, 2 * COUNT);
    for (const own of [ann.events.filter((n) => n < COUNT), ann.events.filter((n) => n >= COUNT)]) {
      assertEquals(own, [...own].sort((x, y) => x - y), "in the order of the publisher");
    }
  });

  await t.step("a client that subscribes and publishes in one call receives its own event", async () => {
    for (let n = 0; n < 20; n++) {
      const before = ann.events.length;
      assertEquals((await ann.call("room.enter", { room: `own-${n}`, n: 5000 + n })).result, true);
      await until(() => ann.events.length > before, "the client's own event");
      assertEquals(ann.events.at(-1), 5000 + n);
    }
  });

  await t.step("presence has the users of all nodes", async () => {
    using also = await TestClient.join(b, "ann");
    await also.subscribe("room:r");
    const users = async (client: TestClient) => {
      const { result } = await client.call("topic.presence", { topic: "room:r" });
      return (result as { user: string; connections: number }[]).map(({ user, connections }) =>
        `${user} ${connections}`
      )
        .sort();
    };
    await until(async () => (await users(ann)).join() === "ann 2,bob 1", "presence of both nodes");
    assertEquals(await users(bob), ["ann 2", "bob 1"]);
  });

  await t.step("an administrator's event reaches all nodes, and the answer says how many connections", async () => {
    const before = [ann.events.length, bob.events.length];
    const answer = await a.admin("POST", "/publish", { topic: "room:r", event: "message", data: { n: 7777 } });
    assertComplete(answer);
    assertEquals(answer.body.delivered, 2);
    await until(
      () => ann.events.length === before[0]! + 1 && bob.events.length === before[1]! + 1,
      "the administrator's event on both nodes",
    );
    assertEquals([ann.events.at(-1), bob.events.at(-1)], [7777, 7777]);
  });

  await t.step("nothing comes after a client has unsubscribed", async () => {
    assertEquals((await bob.call("topic.unsubscribe", { topic: "room:r" })).result, {});
    const before = bob.events.length;
    await a.admin("POST", "/publish", { topic: "room:r", event: "message", data: { n: 8888 } });
    await until(() => ann.events.at(-1) === 8888, "the event on the other node");
    assertEquals((await bob.call("topic.presence", { topic: "room:r" })).result !== undefined, true);
    assertEquals(bob.events.length, before);
    assert(!bob.events.includes(8888));
  });
}));
