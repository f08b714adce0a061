/** Redis that dies, stands still, or loses everything, under several nodes. */
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { optional } from "../../helpers/optional.ts";
import { REDIS, refusal, TestClient, TestCluster, type TestNode } from "./nodes.ts";

async function cluster2(): Promise<{ cluster: TestCluster; a: TestNode; b: TestNode }> {
  const cluster = await TestCluster.start(2);
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  return { cluster, a, b };
}

/** Publishes on one node until the other one's client has received it. */
async function passes(from: TestClient, to: TestClient, n: number): Promise<void> {
  await until(async () => {
    await from.call("room.say", { room: "r", from: n, count: 1 });
    return to.events.includes(n);
  }, `event ${n} on the other node`);
}

Deno.test(
  optional(REDIS, "an empty Redis after a crash gets back what the nodes know, and connections stay", async () => {
    const { cluster, a, b } = await cluster2();
    await using _ = cluster;
    using ann = await TestClient.join(a, "ann");
    using bob = await TestClient.join(b, "bob");
    for (const client of [ann, bob]) await client.subscribe("room:r");
    const token = a.server.token("mallory");
    assertEquals((await a.admin("POST", "/revocations", { sub: "mallory" })).status, 200);
    await cluster.redis.kill();
    await Promise.all([a, b].map(({ server }) => server.logged("cluster.down")));
    assertEquals((await ann.call("room.say", { room: "r", from: 1, count: 1 })).result, true);
    await until(() => ann.events.includes(1), "an event of the own node while Redis is gone");
    await cluster.redis.restart();
    await cluster.knows(a, 2);
    await cluster.knows(b, 2);
    await passes(ann, bob, 2);
    await passes(bob, ann, 3);
    assertEquals([ann.ended, bob.ended], [undefined, undefined]);
    assertEquals(ann.events.filter((n) => n === 1).length, 1);
    const users = async () =>
      ((await ann.call("topic.presence", { topic: "room:r" })).result as { user: string }[]).map(({ user }) => user)
        .sort();
    await until(async () => (await users()).join() === "ann,bob", "presence of both nodes");
    const late = await cluster.add();
    await cluster.knows(late, 3);
    assertEquals(await refusal(late, { token }), "token_revoked");
  }),
);

Deno.test(optional(REDIS, "a Redis that stands still delays no client, and is noticed", async () => {
  const { cluster, a, b } = await cluster2();
  await using _ = cluster;
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  for (const client of [ann, bob]) await client.subscribe("room:r");
  cluster.redis.signal("SIGSTOP");
  try {
    const started = performance.now();
    using cyd = await TestClient.join(a, "cyd");
    assertEquals(cyd.ended, undefined);
    const waited = performance.now() - started;
    // A seat is waited for at most 250 ms; the rest is for a busy machine.
    assert(waited < 10_000, `a handshake took ${Math.round(waited)} ms`);
    await until(
      async () =>
        (await Promise.all([a, b].map((node) => node.ready()))).every(({ conditions }) => !conditions.cluster),
      "nodes that notice",
    );
    assertEquals((await ann.call("room.say", { room: "r", from: 1, count: 1 })).result, true);
  } finally {
    cluster.redis.signal("SIGCONT");
  }
  await cluster.knows(a, 2);
  await cluster.knows(b, 2);
  await passes(ann, bob, 2);
}));

Deno.test(optional(REDIS, "a subscriber whose connection alone is closed misses nothing that follows", async () => {
  const { cluster, a, b } = await cluster2();
  await using _ = cluster;
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  for (const client of [ann, bob]) await client.subscribe("room:r");
  await passes(ann, bob, 1);
  await cluster.redis.command("CLIENT", "KILL", "TYPE", "pubsub");
  await passes(ann, bob, 2);
  await passes(bob, ann, 3);
  assertEquals([ann.ended, bob.ended], [undefined, undefined]);
}));

Deno.test(optional(REDIS, "FLUSHALL loses no seat, no presence and no revocation", async () => {
  const { cluster, a, b } = await cluster2();
  await using _ = cluster;
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  for (const client of [ann, bob]) await client.subscribe("room:r");
  const token = a.server.token("mallory");
  assertEquals((await a.admin("POST", "/revocations", { sub: "mallory" })).status, 200);
  assertEquals(await cluster.redis.command("FLUSHALL"), "OK");
  const users = async () =>
    ((await bob.call("topic.presence", { topic: "room:r" })).result as { user: string }[]).map(({ user }) => user)
      .sort();
  await until(async () => (await users()).join() === "ann,bob", "presence after FLUSHALL");
  const late = await cluster.add();
  await cluster.knows(late, 3);
  assertEquals(await refusal(late, { token }), "token_revoked");
}));
