/** Keys and values that no node wrote: an operator's mistake, or another program with access to Redis. */
import { until } from "../helpers/until.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { ClusterUnavailable } from "../../lib/cluster/cluster.ts";
import { Envelopes } from "../../lib/cluster/redis/envelope.ts";
import { SECRET, settings, startNode, type TestNode } from "./nodes.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";

const LEASES = "test:{ctl}:leases:";
const DESCRIBED = "test:{ctl}:described:";
const RECORDS = "test:{ctl}:records:";
const NODES = "test:{ctl}:nodes:";
const notice = { kind: "ban", key: "user:eve", record: "{}", until: Date.now() + 600_000 };

/** Values that are not `COUNT MILLISECONDS`, and such that no node writes. */
const JUNK = ["", "x", "1", "1 2 3", "-1 5", "1.5 5", "nan nan", "inf 5", `1${"0".repeat(400)} 5`, "2000000 5"].concat(
  `1 ${"9".repeat(400)}`,
);

/** Runs a script on each key that matches the pattern, as `key`. */
function onKeys(redis: RedisServer, pattern: string, script: string, ...args: string[]): Promise<string> {
  const all = `local n = 0
    for _, key in ipairs(redis.call('KEYS', ARGV[1])) do ${script} n = n + 1 end
    return n`;
  return redis.cli("EVAL", all, "0", pattern, ...args);
}

/** The key takes another type. */
async function retype(redis: RedisServer, pattern: string): Promise<void> {
  assert(Number(await onKeys(redis, pattern, "redis.call('DEL', key) redis.call('RPUSH', key, 'junk')")) > 0, pattern);
}

const users = async ({ cluster }: TestNode, topic: string) => {
  const { users, partial } = await cluster.state.present("m", topic);
  assertEquals(partial, false);
  return users.map(({ user, connections }) => `${user} ${connections}`).sort();
};

Deno.test(optional(NEEDS, "an error about one key fails the calls about it, and no others", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  const { state } = node.cluster;
  await state.put("s", "bad", "v", 60_000);
  await state.put("s", "good", "v", 60_000);
  await retype(redis, "test:*:once:*bad");
  for (let i = 0; i < 10; i++) await assertRejects(() => state.take("s", "bad"), ClusterUnavailable, "WRONGTYPE");
  assertEquals(await state.take("s", "good"), "v");
  assertEquals(node.cluster.figures.failedCalls, 10);
  assert(node.cluster.link().up);
  const failed = node.log.filter(({ event }) => event === "cluster.call_failed");
  assert(failed.length > 0 && failed.every(({ reason }) => String(reason).startsWith("WRONGTYPE")), "the log says why");
}));

Deno.test(optional(NEEDS, "a count of another form is removed, and the others make the cap", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await using third = await startNode(settings(redis.url));
  await until(() => first.cluster.control.nodes().length === 3, "the nodes to know each other");
  for (const [at, value] of JUNK.entries()) {
    // A user of its own: a node may still write that it has given back the seats of the one before.
    const user = `user ${at}`;
    const seat = ({ cluster }: TestNode) => cluster.state.seat(user, 2);
    assertEquals([await seat(second), await seat(third)], ["taken", "taken"]);
    assertEquals(await seat(first), "full");
    // Of the two fields, the one of the second node was written first.
    const spoil = `local fields = redis.call('HKEYS', key)
      for _, field in ipairs(fields) do
        if field ~= ARGV[3] then redis.call('HSET', key, field, ARGV[2]) end
      end`;
    await onKeys(redis, `test:*:seats:${user}`, spoil, value, await fieldOf(redis, third));
    assertEquals([await seat(first), await seat(first)], ["taken", "full"], `after ${value.slice(0, 20)}`);
  }
}));

Deno.test(optional(NEEDS, "presence leaves out what no node wrote", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
  second.cluster.state.join("m", "room", "ann");
  await until(async () => String(await users(first, "room")) === "ann 1", "presence");
  const spoil = `for i = 2, #ARGV do redis.call('HSET', key, 'junk ' .. i, ARGV[i]) end
    for i = 2, #ARGV do redis.call('HSET', key, redis.call('HKEYS', key)[1] .. i, ARGV[i]) end`;
  await onKeys(redis, "test:*:present:*room", spoil, ...JUNK);
  assertEquals(await users(first, "room"), ["ann 1"]);
  assertEquals(await onKeys(redis, "test:*:present:*room", "assert(redis.call('HLEN', key) == 1)"), "1", "all removed");
}));

Deno.test(optional(NEEDS, "sums of spending that are no amounts begin again", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  const settle = ({ cluster }: TestNode, tokens: number) => {
    return cluster.state.settle(new Map([["k", { tokens, rate: 0.001 }]]));
  };
  await settle(first, 1);
  await settle(second, 1);
  for (const value of ["nan", "-nan", "inf", "-5", "1e308", "x", ""]) {
    await onKeys(redis, "test:*:spent:k", "redis.call('HSET', key, 'sum', ARGV[2], 'level', ARGV[2])", value);
    await settle(first, 0);
    await settle(second, 5);
    const others = (await settle(first, 0)).get("k");
    assertEquals(others, 5, `after ${value}`);
  }
  await onKeys(redis, "test:*:spent:k", "redis.call('HSET', key, 'level', '1000', 'at', '9e14')");
  await settle(first, 0);
  const [at, level, now] = (await redis.cli(
    "EVAL",
    "return { redis.call('HGET', KEYS[1], 'at'), redis.call('HGET', KEYS[1], 'level'), redis.call('TIME')[1] }",
    "1",
    await redis.cli("KEYS", "test:*:spent:k"),
  )).split("\n").map(Number);
  assertLess(Math.abs(at! / 1_000 - now!), 10, "a time in the future is not kept");
  assertLess(level!, 1_001, "no spending is added for a time in the future");
}));

Deno.test(optional(NEEDS, "keys of another type are replaced, and nodes write again what they know", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  const spend = ({ cluster }: TestNode, tokens: number) => {
    return cluster.state.settle(new Map([["k", { tokens, rate: 1 }]]));
  };
  await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
  first.duties.own.push(notice);
  await first.cluster.control.announce(notice);
  for (let i = 0; i < 2; i++) await first.cluster.state.seat("ann", 2);
  first.cluster.state.join("m", "room", "ann");
  await until(async () => String(await users(second, "room")) === "ann 1", "presence");
  await spend(first, 1);
  for (const pattern of ["*:seats:*", "*:present:*", "*:spent:*", "*}:records:", "*}:ends:", "*}:described:"]) {
    await retype(redis, `test:${pattern}`);
  }
  await retype(redis, `test:*}:leases:`);
  await using third = await startNode(settings(redis.url));
  await until(() => third.duties.learned.length > 0, "the record, at a node that starts");
  assertEquals(third.duties.learned[0], notice);
  await until(async () => {
    if (await second.cluster.state.seat("ann", 2) === "full") return true;
    second.cluster.state.unseat("ann");
    return false;
  }, "the seats");
  await until(async () => String(await users(second, "room")) === "ann 1", "presence again");
  await spend(second, 0);
  await spend(first, 3);
  assertEquals((await spend(second, 0)).get("k"), 3, "what others spent");
  await until(() => second.cluster.control.nodes().length === 3, "all nodes");
  assertEquals(await redis.cli("TYPE", "test:{ctl}:ends:"), "zset");
  for (const { cluster } of [first, second, third]) assertEquals(cluster.figures.failures, 0);
  // The leases are whole, so that no node is absent because of them.
  await retype(redis, "test:*}:records:");
  await using fourth = await startNode(settings(redis.url));
  await until(() => fourth.duties.learned.length > 0, "the record, after its key alone had another type");
}));

Deno.test(optional(NEEDS, "a description counts with its node's lease, and for some seconds", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  const envelopes = new Envelopes(SECRET);
  const { cluster } = node;
  const refused = () => cluster.figures.refusedMessages;
  const ids = () => cluster.control.nodes().map(({ id }) => id).filter((id) => id !== cluster.node).sort();
  /** Writes a signed description, with a lease. */
  const write = async (field: string, id: string, at: number, lease = true) => {
    const described = {
      id,
      name: id,
      connections: 0,
      fingerprint: "same",
      since: 0,
      draining: false,
      field: `f${id}`,
      at,
    };
    if (lease) await redis.cli("ZADD", LEASES, String(Date.now() + 600_000), field);
    await redis.cli("HSET", DESCRIBED, field, envelopes.seal("node", described));
  };
  await write("old", "old", Date.now() - 20_000);
  await until(() => refused() === 1, "the old description to be refused");
  await redis.cli("HDEL", DESCRIBED, "old");
  const before = refused();
  await write("future", "future", Date.now() + 60_000);
  await until(() => refused() > before, "the description of the future to be refused");
  await redis.cli("HDEL", DESCRIBED, "future");
  await write("other", "stolen", Date.now());
  await write("alone", "alone", Date.now(), false);
  await write("live", "live", Date.now());
  await until(() => ids().length > 0, "the live node");
  assertEquals(ids(), ["live"]);
  assertEquals(await redis.cli("HEXISTS", DESCRIBED, "alone"), "0", "it is removed");
  await until(() => ids().length === 0, "the description to be too old");
}));

/** Deletes the keys that match the pattern, and makes the node's lease lapse with them. */
function lapse(redis: RedisServer, { cluster }: TestNode, pattern = "none"): Promise<string> {
  const script = `for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('DEL', key) end
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('SPUBLISH', KEYS[2], '')`;
  return redis.cli("EVAL", script, "2", LEASES, NODES, cluster.node, pattern);
}

/** Makes the node's lease lapse ten times a second, until it is disposed. */
function lapsing(redis: RedisServer, node: TestNode): Disposable {
  const timer = setInterval(() => lapse(redis, node), 100);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

Deno.test(optional(NEEDS, "a node whose lease lapses again and again still writes all its counts", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  for (let i = 0; i < 3_000; i++) first.cluster.state.join("m", `room ${i}`, "ann");
  await until(async () => String(await users(second, "room 2999")) === "ann 1", "the last count");
  await redis.cli("EVAL", "for _, key in ipairs(redis.call('KEYS', '*present*')) do redis.call('DEL', key) end", "0");
  using _ = lapsing(redis, first);
  await until(async () => String(await users(second, "room 2999")) === "ann 1", "the last count to be written again");
}));

Deno.test(optional(NEEDS, "a count that is lost after it was written again is written once more", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  for (let i = 0; i < 8_000; i++) first.cluster.state.join("m", `room ${i}`, "ann");
  const isPresent = async (room: number) => String(await users(second, `room ${room}`)) === "ann 1";
  await until(() => isPresent(7_999), "the last count");
  await lapse(redis, first, "*:present:*");
  await until(() => isPresent(0), "the first count to be written again");
  await lapse(redis, first, "*:present:*");
  await until(() => isPresent(0), "the first count to be written once more");
}));

Deno.test(optional(NEEDS, "a record that is lost after it was given again is given once more", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  node.duties.own.push(notice);
  await node.cluster.control.announce(notice);
  for (let i = 0; i < 2; i++) {
    await lapse(redis, node, RECORDS);
    await until(async () => await redis.cli("HLEN", RECORDS) === "1", "the record");
  }
}));

Deno.test(optional(NEEDS, "a node whose lease lapses gives its records again, once a second at most", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  node.duties.own.push(notice);
  await node.cluster.control.announce(notice);
  await redis.cli("DEL", RECORDS);
  const scans = async () => Number(/cmdstat_hscan:calls=(\d+)/.exec(await redis.cli("INFO", "commandstats"))?.[1]);
  const [before, began] = [await scans(), performance.now()];
  {
    using _ = lapsing(redis, node);
    await until(async () => await redis.cli("HLEN", RECORDS) === "1", "the record");
    await redis.cli("DEL", RECORDS);
    await until(async () => await redis.cli("HLEN", RECORDS) === "1", "the record, once more");
    await until(() => performance.now() - began > 3_000, "three seconds");
  }
  assertLess(await scans() - before, (performance.now() - began) / 1_000 + 2, "loads");
}));

Deno.test(optional(NEEDS, "a node that stood still itself does not take that for a failure of Redis", async () => {
  await using redis = await RedisServer.start();
  await using node = await startNode(settings(redis.url));
  for (let i = 0; i < 5; i++) {
    await redis.cli("CLIENT", "PAUSE", "100", "ALL");
    const put = node.cluster.state.put("s", `k${i}`, "v", 60_000);
    // The command leaves before the process stands still, and its answer arrives in that time.
    await new Promise((resolve) => setTimeout(resolve, 10));
    const end = performance.now() + 400;
    while (performance.now() < end);
    assertEquals(await put.then(() => "put", String), "put");
  }
  assertEquals(node.cluster.figures.failedCalls, 0);
}));

/** The field under which a node has its counts. */
async function fieldOf(redis: RedisServer, { cluster }: TestNode): Promise<string> {
  const described = await redis.cli("HGET", DESCRIBED, cluster.node);
  return JSON.parse(described.slice(described.indexOf("{"))).field;
}
