/** A program that reaches Redis, but does not know the secret of the nodes. */
import { until } from "../helpers/until.ts";
import { assert, assertEquals } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { Envelopes } from "../../lib/cluster/redis/envelope.ts";
import { SECRET, settings, startNode, type TestNode } from "./nodes.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";

const RECORDS = "test:{ctl}:records:";
const TOLD = "test:{ctl}:told:";
const ASKED = "test:{ctl}:asked:";
const notice = { kind: "ban", key: "user:eve", record: "{}", until: Date.now() + 600_000 };

/** The only record, as Redis has it: `VERSION SIGNED`. */
function kept(redis: RedisServer): Promise<string> {
  return redis.cli("EVAL", "return redis.call('HVALS', KEYS[1])[1]", "1", RECORDS);
}

const refused = ({ cluster }: TestNode) => cluster.figures.refusedMessages;

Deno.test(
  optional(
    NEEDS,
    "a record without the signature of a node changes nothing, on the channel and in the hash",
    async () => {
      await using redis = await RedisServer.start();
      await using node = await startNode(settings(redis.url));
      await using other = await startNode(settings(redis.url, { secret: new TextEncoder().encode("another secret") }));
      const json = JSON.stringify({ ...notice, at: 9_999_999_999_999 });
      for (const text of ["", "x", json, `9999999999999 ${"A".repeat(43)}.${json}`]) {
        await redis.cli(
          "SPUBLISH",
          TOLD,
          text,
        );
      }
      await until(() => refused(node) >= 4, "four messages to be refused");
      assertEquals(await other.cluster.control.announce(notice), true);
      await until(() => refused(node) >= 5, "the record of another secret to be refused");
      assertEquals(node.duties.learned, []);
      assertEquals(node.cluster.control.nodes().length, 1, "a node with another secret is none of this cluster");

      await using late = await startNode(settings(redis.url));
      assertEquals(late.duties.learned, [], "the hash has only a record of another secret");
      assertEquals(await node.cluster.control.announce(notice), true, "it does not keep a true record out");
      await until(() => late.duties.learned.length === 1, "the record");
      assertEquals(late.duties.learned, [notice]);

      // A version that is later than any keeps no true record out either.
      const forge = "redis.call('HSET', KEYS[1], 'ban' .. string.char(0) .. 'user:bob', '9999999999999 x')";
      await redis.cli("EVAL", forge, "1", RECORDS);
      const anotherBan = { ...notice, key: "user:bob" };
      assertEquals(await node.cluster.control.announce(anotherBan), true);
      await using later = await startNode(settings(redis.url));
      assert(later.duties.learned.some(({ key }) => key === "user:bob"), "the true record is kept");
    },
  ),
);

Deno.test(optional(NEEDS, "a signed record that comes again, or under another key, changes nothing", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await first.cluster.control.announce(notice);
  const banned = await kept(redis);
  await first.cluster.control.announce({ ...notice, record: null });
  await until(() => second.duties.learned.length === 2, "both records");
  await redis.cli("SPUBLISH", TOLD, banned);
  const [version, rest] = [banned.slice(0, banned.indexOf(" ")), banned.slice(banned.indexOf(" "))];
  await redis.cli("SPUBLISH", TOLD, `${Number(version) + 1_000_000}${rest}`);
  await redis.cli("SPUBLISH", TOLD, banned.replace("user:eve", "user:bob"));
  await until(() => refused(second) >= 2, "the changed version and the changed key to be refused");
  assertEquals(second.duties.learned.length, 2);
  await redis.cli("DEL", RECORDS);
  await redis.cli("HSET", RECORDS, "another field", banned);
  await using third = await startNode(settings(redis.url));
  assertEquals(third.duties.learned, []);
}));

Deno.test(optional(NEEDS, "a request is answered once, and only if a node has signed it", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
  const listening = new Deno.Command("redis-cli", {
    args: ["-p", String(redis.port), "SSUBSCRIBE", ASKED],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let heard = "";
  const reading = (async () => {
    for await (const text of listening.stdout.pipeThrough(new TextDecoderStream())) heard += text;
  })();
  try {
    await until(() => heard.includes("ssubscribe"), "the listener to subscribe");
    await first.cluster.control.ask({ kind: "kick", params: "a" });
    await until(() => heard.includes("kick"), "the request to be heard");
    const request = heard.split("\n").find((line) => line.includes("kick"))!.trim();
    assertEquals(second.duties.requests.length, 1);
    await redis.cli("SPUBLISH", ASKED, request);
    await until(() => refused(second) === 1, "the repeated request to be refused");
    await redis.cli("SPUBLISH", ASKED, request.replace("kick", "list"));
    await until(() => refused(second) === 2, "the forged request to be refused");
    assertEquals(second.duties.requests.length, 1);
  } finally {
    listening.kill("SIGKILL");
    await Promise.all([reading, listening.status]);
  }
}));

Deno.test(
  optional(NEEDS, "a request from a clock that differs by more than a minute is refused, on both sides", async () => {
    await using redis = await RedisServer.start();
    await using node = await startNode(settings(redis.url));
    const envelopes = new Envelopes(SECRET);
    const send = (id: string, ageMs: number) => {
      const request = { id, from: "other", at: Date.now() - ageMs, request: { kind: id } };
      return redis.cli("SPUBLISH", ASKED, envelopes.seal("request", request));
    };
    for (const [index, ageMs] of [3_600_000, -3_600_000].entries()) {
      await send(`far ${index}`, ageMs);
      await until(() => refused(node) === index + 1, "the request to be refused");
    }
    // The bound is a minute; the rest is for a busy machine.
    for (const [index, ageMs] of [30_000, -59_000].entries()) {
      await send(`near ${index}`, ageMs);
      await until(() => node.duties.requests.length === index + 1, "the request to be answered");
    }
    assertEquals(refused(node), 2);
  }),
);

Deno.test(optional(NEEDS, "an honest neighbour of a flood of forged messages is heard", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
  const flood = "for i = 1, 5000 do redis.call('SPUBLISH', KEYS[1], ARGV[1]) end";
  for (const channel of [TOLD, ASKED]) redis.cli("EVAL", flood, "1", channel, `1 ${"A".repeat(1_000)}`);
  const { complete } = await first.cluster.control.ask({ kind: "list" });
  assert(complete);
  assertEquals(await first.cluster.control.announce(notice), true);
  await until(() => second.duties.learned.length === 1, "the record");
}));

Deno.test(optional(NEEDS, "a long answer arrives, and one beyond the bound counts as missing", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  await until(() => first.cluster.control.nodes().length === 2, "the nodes to know each other");
  const long = "x".repeat(1_000_000);
  second.duties.reply = () => long;
  const { answers } = await first.cluster.control.ask<string>({ kind: "list" });
  assertEquals(answers.get(second.cluster.node)?.length, long.length);
  assertEquals(await redis.cli("EXISTS", "test:{ctl}:answer"), "0");
  second.duties.reply = () => "x".repeat(17 * 1024 * 1024);
  const { missing } = await first.cluster.control.ask({ kind: "list" });
  assertEquals(missing, [second.cluster.node]);
}));
