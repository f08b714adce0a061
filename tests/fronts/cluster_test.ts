/** Several fronts as nodes of a cluster over a real Redis, by `server.fronts`. */
import { assertEquals } from "../assert.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";
import { call, nextAnswer } from "../helpers/client.ts";
import { optional } from "../helpers/optional.ts";
import { until } from "../helpers/until.ts";
import { Fronts, type Placed } from "../helpers/fronts.ts";

const CHAT = { handlers: [{ subprotocol: "chat.v1", module: "examples/chat/chat.ts" }] };
const ROOM = "room:lobby";

async function subscribed(fronts: Fronts): Promise<[Placed, Placed]> {
  const [first, second] = await fronts.connectEach("chat.v1");
  for (const { client } of [first!, second!]) {
    assertEquals((await call(client, "topic.subscribe", { topic: ROOM })).error, undefined);
  }
  return [first!, second!];
}

async function nodesOf(fronts: Fronts): Promise<{ id: string; own: boolean }[]> {
  return (await fronts.ask("GET", "/nodes")).body["nodes"] as { id: string; own: boolean }[];
}

/** Code and reason of the close frame that comes next. */
async function closing({ client }: Placed): Promise<string> {
  const { opcode, payload } = await client.nextFrame(20_000);
  assertEquals(opcode, 8);
  const code = new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  return `${code} ${new TextDecoder().decode(payload.subarray(2))}`;
}

/** The texts of the events that come next; answers between them are left out. */
async function texts({ client }: Placed, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) {
    const { method, params } = await nextAnswer(client);
    if (method === "topic.event") found.push((params?.["data"] as Record<string, unknown>)["text"]);
  }
  return found;
}

Deno.test(
  optional(
    NEEDS,
    "fronts of one server are nodes of one cluster, and publish to each other's clients once",
    async () => {
      await using redis = await RedisServer.start();
      await using fronts = await Fronts.start({ ...CHAT, redis: redis.url });
      const [first, second] = await subscribed(fronts);
      using _first = first;
      using _second = second;
      await until(
        async () => (await fronts.ask("GET", "/nodes")).body["complete"] === true,
        "a complete list of nodes",
      );
      assertEquals((await nodesOf(fronts)).length, 2);
      const publication = { topic: ROOM, event: "message", data: { from: "ops", text: "one" } };
      const { body } = await fronts.ask("POST", "/publish", publication);
      assertEquals([body["delivered"], body["complete"]], [2, true]);
      for (const text of ["two", "three", "four"]) {
        const params = { room: "lobby", text };
        await first.client.text(JSON.stringify({ jsonrpc: "2.0", id: text, method: "chat.send", params }));
      }
      for (const one of [first, second]) assertEquals(await texts(one, 4), ["one", "two", "three", "four"]);
      await fronts.ask("POST", "/publish", { ...publication, data: { from: "ops", text: "five" } });
      for (const one of [first, second]) assertEquals(await texts(one, 1), ["five"], "each once");
    },
  ),
);

Deno.test(optional(NEEDS, "one front answers for all, and administers the sessions of each", async () => {
  await using redis = await RedisServer.start();
  await using fronts = await Fronts.start({ redis: redis.url });
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  await until(async () => (await nodesOf(fronts)).length === 2, "two nodes");
  const { body: { connections, complete, missing } } = await fronts.ask("GET", "/connections");
  const placed = (connections as { user: string; node: string }[])
    .filter(({ user }) => [first!.user, second!.user].includes(user));
  assertEquals([placed.length, new Set(placed.map(({ node }) => node)).size, complete, missing], [2, 2, true, []]);
  assertEquals((await (await fetch(`${fronts.opsUrl}/readyz`)).json()).conditions, {
    ...{ listener: true, cells: true, certificate: true, store: true, keys: true, not_draining: true },
    ...{ cluster: true, fronts: true },
  });
  const revoked = await fronts.ask("POST", "/revocations", { sub: second!.user });
  assertEquals([revoked.status, revoked.body["closed"], await closing(second!)], [200, 1, "4401 token_revoked"]);
  assertEquals((await call(first!.client, "session.whoami")).error, undefined);
  const { body } = await fronts.ask("POST", "/revocations", { sub: first!.user });
  assertEquals([body["closed"], await closing(first!)], [1, "4401 token_revoked"]);
}));

Deno.test(optional(NEEDS, "fronts that are cut off from Redis are administered over their own sockets", async () => {
  await using redis = await RedisServer.start();
  await using fronts = await Fronts.start({ redis: redis.url });
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  await redis.kill();
  await fronts.server.logged("cluster.down", (line) => line["front"] === 0, 30_000);
  await fronts.server.logged("cluster.down", (line) => line["front"] === 1, 30_000);
  const { body } = await fronts.ask("GET", "/connections");
  const users = (body["connections"] as { user: string }[]).map(({ user }) => user);
  assertEquals([users.includes(first!.user), users.includes(second!.user), body["complete"]], [true, true, false]);
  const revoked = await fronts.ask("POST", "/revocations", { sub: second!.user });
  assertEquals([revoked.status, revoked.body["error"], revoked.body["applied"]], [503, "cluster_unavailable", "here"]);
  assertEquals([revoked.body["closed"], await closing(second!)], [1, "4401 token_revoked"]);
  assertEquals((await call(first!.client, "session.whoami")).error, undefined);
}));

Deno.test(
  optional(
    NEEDS,
    "a front that is killed joins the cluster again as another node",
    async () => {
      await using redis = await RedisServer.start();
      await using fronts = await Fronts.start({ ...CHAT, redis: redis.url });
      const [first, second] = await subscribed(fronts);
      using _first = first;
      using _second = second;
      await until(async () => (await nodesOf(fronts)).length === 2, "two nodes");
      const [before] = (await nodesOf(fronts)).filter(({ own }) => !own);
      Deno.kill(await fronts.frontPid(1), "SIGKILL");
      await fronts.listening(1, 2);
      await until(async () => {
        const others = (await nodesOf(fronts)).filter(({ own }) => !own).map(({ id }) => id);
        return others.length === 1 && others[0] !== before!.id;
      }, "the node of the new front alone");
      const [third, fourth] = await subscribed(fronts);
      using _third = third;
      using _fourth = fourth;
      assertEquals((await call(first.client, "chat.send", { room: "lobby", text: "again" }, 7)).error, undefined);
      const { method } = await nextAnswer(fourth.client);
      assertEquals(method, "topic.event");
    },
  ),
);
