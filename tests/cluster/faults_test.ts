/** Failures of the link: what a node does without Redis, and how it comes back. */
import { until } from "../helpers/until.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { ClusterUnavailable } from "../../lib/cluster/cluster.ts";
import { Envelopes } from "../../lib/cluster/redis/envelope.ts";
import { makeNode, SECRET, settings, startNode, type TestNode } from "./nodes.ts";
import { Proxy } from "./proxy.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Calls settle within 250 ms; the rest is for a busy machine. */
const SETTLED_MS = 1_500;

const isUp = ({ cluster }: TestNode) => cluster.link().up;
const isDown = (node: TestNode) => !isUp(node);

function publish({ cluster }: TestNode, text: string) {
  return cluster.backplane.publish("m", "t", bytes(text));
}

/** Each kind of call, without a link: none waits, and none pretends. */
async function assertCutOff({ cluster, duties }: TestNode): Promise<void> {
  const { state, control } = cluster;
  const began = performance.now();
  await assertRejects(() => state.put("s", "k", "v", 1_000), ClusterUnavailable);
  await assertRejects(() => state.take("s", "k"), ClusterUnavailable);
  assertEquals(await state.seat("cut", 1), "unknown");
  state.unseat("cut");
  state.join("m", "cut", "ann");
  assertEquals(await state.present("m", "cut"), { users: [{ user: "ann", connections: 1 }], partial: true });
  state.leave("m", "cut", "ann");
  assertEquals(await state.settle(new Map([["k", { tokens: 1, rate: 1 }]])), new Map());
  const { answers, complete } = await control.ask({ kind: "list" });
  assertEquals({ complete, own: [...answers.keys()] }, { complete: false, own: [cluster.node] });
  assertLess(performance.now() - began, SETTLED_MS, "milliseconds for all calls");
  const before = duties.messages.length;
  assertEquals(cluster.backplane.publish("m", "t", bytes("alone")), "local");
  assertEquals(duties.messages.slice(before), ["m t alone"]);
}

Deno.test(optional(NEEDS, "Redis is killed and comes back empty: all that nodes hold is there again", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  const notice = { kind: "ban", key: "user:eve", record: "{}", until: Date.now() + 600_000 };
  for (const { cluster } of [first, second]) await cluster.backplane.listen("m", "t");
  for (let i = 0; i < 3; i++) assertEquals(await first.cluster.state.seat("ann", 5), "taken");
  second.cluster.state.join("m", "t", "bob");
  first.duties.own.push(notice);
  assertEquals(await first.cluster.control.announce(notice), true);

  await redis.kill();
  await until(() => isDown(first) && isDown(second), "both links to be down");
  await assertCutOff(first);
  first.duties.messages.length = 0;
  const offline = { ...notice, key: "user:mallory" };
  second.duties.own.push(offline);
  assertEquals(await second.cluster.control.announce(offline), false, "Redis did not take it");
  await redis.restart();
  await until(() => isUp(first) && isUp(second), "both links to be up");

  await until(async () => {
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => second.cluster.state.seat("ann", 5)));
    for (const outcome of outcomes) if (outcome !== "full") second.cluster.state.unseat("ann");
    return outcomes.filter((outcome) => outcome === "taken").length === 2;
  }, "the seats of the other node");
  await until(async () => (await first.cluster.state.present("m", "t")).users.length === 1, "presence");
  await until(() => first.duties.learned.some(({ key }) => key === "user:mallory"), "the record made without Redis");
  assertEquals(publish(first, "both"), "sent");
  await until(() => second.duties.messages.includes("m t both"), "the message");
  await until(() => first.duties.messages.includes("m t both"), "the own message");
  await using third = await startNode(settings(redis.url));
  assertEquals(third.duties.learned.map(({ key }) => key).sort(), ["user:eve", "user:mallory"]);
  assertEquals(third.log.some(({ event }) => event === "cluster.up"), true);
}));

Deno.test(
  optional(
    NEEDS,
    "Redis that stands still is found by the probe; nothing waits for it, and nothing comes twice",
    async () => {
      await using redis = await RedisServer.start();
      await using node = await startNode(settings(redis.url));
      await node.cluster.backplane.listen("m", "t");
      redis.freeze();
      const began = performance.now();
      assertEquals(publish(node, "unknown"), "sent", "the link is not known to be down yet");
      await assertRejects(() => node.cluster.state.take("s", "k"), ClusterUnavailable);
      assertLess(performance.now() - began, SETTLED_MS, "milliseconds of a call");
      await until(() => isDown(node), "the link to be down");
      assertLess(performance.now() - began, 10_000, "milliseconds until it was found");
      await assertCutOff(node);
      redis.thaw();
      await until(() => isUp(node), "the link to be up");
      publish(node, "after");
      await until(() => node.duties.messages.includes("m t after"), "the message");
      // Redis did run the command that it had received, but the subscription it went to is gone.
      assertEquals(node.duties.messages, ["m t alone", "m t after"]);
      const { published } = node.cluster.figures;
      assertEquals({ ...published, sent: 0 }, { sent: 0, local: 1, dropped: 0, unknown: 1 });
    },
  ),
);

Deno.test(optional(NEEDS, "FLUSHALL: seats, presence and records are there again, and the link stays up", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  for (let i = 0; i < 3; i++) await first.cluster.state.seat("ann", 3);
  first.cluster.state.join("m", "t", "ann");
  const notice = { kind: "ban", key: "user:eve", record: "{}", until: Infinity };
  first.duties.own.push(notice);
  await first.cluster.control.announce(notice);
  await redis.cli("FLUSHALL");
  await until(async () => {
    if (await second.cluster.state.seat("ann", 3) === "full") return true;
    second.cluster.state.unseat("ann");
    return false;
  }, "the seats");
  await until(async () => (await second.cluster.state.present("m", "t")).users.length === 1, "presence");
  await until(async () => await redis.cli("HLEN", "test:{ctl}:records:") === "1", "the record");
  assertEquals(first.cluster.figures.failures, 0);
  await using third = await startNode(settings(redis.url));
  assertEquals(third.duties.learned, [notice]);
}));

Deno.test(
  optional(NEEDS, "a record that Redis did not take is announced again, although the link stays up", async () => {
    await using redis = await RedisServer.start();
    await using a = await startNode(settings(redis.url));
    await using b = await startNode(settings(redis.url));
    await redis.cli("CLIENT", "PAUSE", "1000", "ALL");
    // After three failures no call is made for a while, so the announcement is not on its way to Redis.
    const failing = Array.from({ length: 8 }, (_, i) => a.cluster.state.put("s", `k${i}`, "v", 1_000).catch(() => {}));
    await Promise.all(failing);
    const notice = { kind: "ban", key: "user:ann", record: "{}", until: Date.now() + 600_000 };
    assertEquals(await a.cluster.control.announce(notice), false);
    await until(() => b.duties.learned.some(({ key }) => key === "user:ann"), "the other node to learn of it");
  }),
);

Deno.test(
  optional(
    NEEDS,
    "a record that overtakes an unknown later one is given again when Redis fails in between",
    async () => {
      await using redis = await RedisServer.start();
      await using a = await startNode(settings(redis.url));
      await using b = await startNode(settings(redis.url));
      // The clock of the node that made it is ahead, and its message has not arrived.
      const notice = { kind: "ban", key: "user:ann", record: "{}", until: Date.now() + 600_000 };
      const unknown = { ...notice, record: null, at: Date.now() + 600_000 };
      const text = `${unknown.at} ${new Envelopes(SECRET).seal("record", unknown)}`;
      const write = "redis.call('HSET', KEYS[1], 'ban' .. string.char(0) .. 'user:ann', ARGV[1])";
      await redis.cli("EVAL", write, "1", "test:{ctl}:records:", text);
      // The script finds the record, and then fails to write its own.
      await redis.cli("ACL", "SETUSER", "default", "-hset");
      assertEquals(await a.cluster.control.announce(notice), false);
      await redis.cli("ACL", "SETUSER", "default", "+hset");
      await until(() => b.duties.learned.some(({ record }) => record === "{}"), "the other node to learn of it");
      assertEquals(a.duties.learned, [], "the record that was overtaken does not come back");
    },
  ),
);

Deno.test(optional(NEEDS, "publications that wait for Redis are bounded by number and bytes, and counted", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  const { backplane } = node.cluster;
  // On a busy machine the link may fail under so many messages; they are settled then, too.
  const settled = () => {
    const { sent, unknown } = node.cluster.figures.published;
    return sent + unknown;
  };
  /** Publishes within one turn, in which nothing is confirmed; returns how many messages were taken. */
  const burst = async (count: number, text: Uint8Array) => {
    await until(() => isUp(node), "the link to be up");
    const outcomes = Array.from({ length: count }, () => backplane.publish("m", "t", text));
    return outcomes.filter((outcome) => outcome === "sent").length;
  };
  assertEquals(await burst(100_002, bytes("x")), 100_000);
  await until(() => settled() === 100_000, "the messages to be settled", 60_000);
  assertEquals(await burst(6, new Uint8Array(16 * 1024 * 1024)), 4);
  await until(() => settled() === 100_004, "the long messages to be settled", 60_000);
  assertEquals(await burst(1, bytes("x")), 1);
  await until(() => settled() === 100_005, "the last message to be settled");
  assertEquals([node.cluster.figures.published.local, node.cluster.figures.published.dropped], [0, 4]);
}));

Deno.test("a node that is closed asks no further sentinel", async () => {
  // Each accepts connections, and answers nothing.
  const listeners = Array.from({ length: 4 }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const accepted: Deno.Conn[] = [];
  const accepting = listeners.map(async (listener) => {
    for await (const conn of listener) accepted.push(conn);
  });
  const hosts = listeners.map(({ addr }) => `127.0.0.1:${(addr as Deno.NetAddr).port}`).join(",");
  const node = makeNode(settings(`redis+sentinel://${hosts}/main`));
  const started = node.cluster.start();
  await until(() => accepted.length > 0, "the first sentinel to be asked");
  await node.cluster.close();
  assertEquals(accepted.length, 1);
  for (const listener of listeners) listener.close();
  for (const conn of accepted) conn.close();
  await Promise.all([...accepting, started]);
});

Deno.test(optional(NEEDS, "a subscriber whose connection alone is killed subscribes again", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  await node.cluster.backplane.listen("m", "t");
  await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
  await until(() => node.cluster.figures.failures === 1, "the failure to be noticed");
  await until(() => isUp(node), "the link to be up");
  publish(node, "again");
  await until(() => node.duties.messages.includes("m t again"), "the message");
}));

Deno.test(optional(NEEDS, "a subscriber that hears nothing is found within 10 seconds, and replaced", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  await using node = await startNode(settings(proxy.url));
  await node.cluster.backplane.listen("m", "t");
  const began = performance.now();
  proxy.hold((subscriber) => subscriber);
  await until(() => node.cluster.figures.failures === 1, "the failure to be noticed");
  await until(() => isUp(node), "the link to be up");
  assertLess(performance.now() - began, 10_000, "milliseconds until it was replaced");
  publish(node, "again");
  await until(() => node.duties.messages.includes("m t again"), "the message");
  assert(node.log.some(({ event, reason }) => event === "cluster.down" && String(reason).startsWith("probe")));
}));

Deno.test(optional(NEEDS, "a publication waits for the node's own pending subscription", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  await using node = await startNode(settings(proxy.url));
  let attempts = 0;
  // On a busy machine the subscription may take longer than the publication waits.
  await until(
    async () => {
      const topic = `topic ${attempts++}`;
      proxy.hold((subscriber) => subscriber);
      const listening = node.cluster.backplane.listen("m", topic);
      node.cluster.backplane.publish("m", topic, bytes("own"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      proxy.heal();
      await listening;
      await node.cluster.state.take("s", "k").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
      return node.duties.messages.includes(`m ${topic} own`);
    },
    "a publication to wait",
    20_000,
  );
}));

Deno.test(
  optional(NEEDS, "a slow link: topics keep their order, calls fail in time and are then refused at once", async () => {
    await using redis = await RedisServer.start();
    await using proxy = new Proxy(redis.port);
    await using node = await startNode(settings(proxy.url));
    await node.cluster.backplane.listen("m", "t");
    proxy.delayMs = 400;
    const expected = Array.from({ length: 50 }, (_, index) => `m t ${index}`);
    for (let i = 0; i < 50; i++) assertEquals(publish(node, String(i)), "sent");
    const began = performance.now();
    for (let i = 0; i < 20; i++) await assertRejects(() => node.cluster.state.take("s", "k"), ClusterUnavailable);
    assertLess(performance.now() - began, 10 * 250, "milliseconds of 20 calls");
    await until(() => node.duties.messages.length === 50, "all messages");
    assertEquals(node.duties.messages, expected);
    assert(isUp(node), "the link is slow, not down");
    proxy.delayMs = 0;
    await until(() => node.cluster.state.take("s", "k").then(() => true, () => false), "calls to succeed");
  }),
);

Deno.test(
  optional(
    NEEDS,
    "a node that is cut off stops counting within 15 seconds, and counts again when it is back",
    async () => {
      await using redis = await RedisServer.start();
      await using proxy = new Proxy(redis.port);
      await using first = await startNode(settings(redis.url));
      await using second = await startNode(settings(proxy.url));
      await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
      assertEquals(await second.cluster.state.seat("ann", 1), "taken");
      second.cluster.state.join("m", "room", "ann");
      await until(async () => (await first.cluster.state.present("m", "room")).users.length === 1, "presence");
      const began = performance.now();
      proxy.cut();
      const { missing, complete } = await first.cluster.control.ask({ kind: "list" });
      assertEquals({ missing, complete }, { missing: [second.cluster.node], complete: false });
      assertEquals(await first.cluster.state.seat("ann", 1), "full");
      await until(async () => await first.cluster.state.seat("ann", 1) === "taken", "the seat");
      assertEquals((await first.cluster.state.present("m", "room")).users, []);
      assertLess(performance.now() - began, 16_000, "milliseconds until the seat was free");
      assertEquals(first.cluster.control.nodes().length, 1);
      assert(first.log.some(({ event, node }) => event === "cluster.node_left" && node === second.cluster.node));
      proxy.heal();
      await until(
        async () => (await first.cluster.state.present("m", "room")).users.length === 1,
        "the node to be back",
      );
    },
  ),
);

Deno.test(
  optional(NEEDS, "records made and lifted on both sides of a partition: the later one counts everywhere", async () => {
    await using redis = await RedisServer.start();
    await using proxy = new Proxy(redis.port);
    await using first = await startNode(settings(redis.url));
    await using second = await startNode(settings(proxy.url));
    const record = (key: string, text: string | null) => {
      return { kind: "ban", key, record: text, until: Date.now() + 600_000 };
    };
    await first.cluster.control.announce(record("lifted here", "1"));
    await first.cluster.control.announce(record("lifted there", "1"));
    await until(() => second.duties.learned.length === 2, "both records");
    proxy.cut();
    await until(() => isDown(second), "the link to be down");
    await first.cluster.control.announce(record("lifted here", null));
    assertEquals(await second.cluster.control.announce(record("lifted there", null)), false);
    await first.cluster.control.announce(record("both", "earlier"));
    const earlier = Date.now();
    await until(() => Date.now() > earlier, "the next millisecond");
    assertEquals(await second.cluster.control.announce(record("both", "later")), false);
    proxy.heal();
    await until(() => isUp(second), "the link to be up");
    const last = ({ duties }: TestNode, key: string) => duties.learned.findLast((notice) => notice.key === key)?.record;
    await until(() => last(second, "lifted here") === null, "the lift made first");
    await until(() => last(first, "lifted there") === null, "the lift made without the link");
    await until(() => last(first, "both") === "later", "the later record");
    assertEquals(last(second, "both"), undefined, "the earlier record is not learned");
  }),
);

Deno.test(
  optional(NEEDS, "a record of an earlier run: the kept lift counts, unless the record was made after it", async () => {
    await using redis = await RedisServer.start();
    await using first = await startNode(settings(redis.url));
    const now = Date.now();
    const ban = (key: string, until: number) => ({ kind: "ban", key, record: "{}", until });
    for (const key of ["lifted", "banned again"]) {
      await first.cluster.control.announce({ ...ban(key, now + 60_000), record: null });
    }
    const second = makeNode(settings(redis.url));
    second.duties.own.push(
      ban("lifted", now + 60_000),
      ban("banned again", now + 90_000),
      ban("unknown", now + 60_000),
    );
    await using _ = second;
    await second.cluster.start();
    await until(() => isUp(second), "the link to be up");
    // What it gives itself may come back.
    const lifted = second.duties.learned.filter(({ key }) => key === "lifted");
    assertEquals(lifted.map(({ record }) => record), [null]);
    await until(() => first.duties.learned.length === 2, "two records");
    assertEquals(first.duties.learned.map(({ key }) => key).sort(), ["banned again", "unknown"]);
  }),
);

Deno.test(
  optional(
    NEEDS,
    "without Redis a node starts, is not loaded, and loads all records before the link is up",
    async () => {
      await using redis = await RedisServer.start();
      await using first = await startNode(settings(redis.url));
      for (let i = 0; i < 3_000; i++) {
        const notice = { kind: "revocation", key: `jti:${i}`, record: "", until: Infinity };
        if (i % 100 === 99) await first.cluster.control.announce(notice);
        else first.cluster.control.announce(notice);
      }
      await using proxy = new Proxy(redis.port);
      proxy.cut();
      await using second = makeNode(settings(proxy.url));
      await second.cluster.start();
      assertEquals({ ...second.cluster.link(), forMs: 0 }, { up: false, forMs: 0, loaded: false });
      proxy.heal();
      await until(() => second.cluster.link().loaded, "the records to be loaded");
      assertEquals(second.duties.learned.length, 3_000);
    },
  ),
);
