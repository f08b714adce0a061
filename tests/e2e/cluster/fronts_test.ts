/** Several fronts of one server, each a node of the cluster. */
import { freePort } from "../../helpers/free_port.ts";
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { optional } from "../../helpers/optional.ts";
import { assertComplete, REDIS, TestClient, TestCluster, type TestNode } from "./nodes.ts";

const FRONTS = 2;
/** With so many clients, the kernel gives some to each front. */
const USERS = 24;

Deno.test(optional(REDIS, "the fronts of one server share topics, and one of them answers for all", async () => {
  await using cluster = await TestCluster.start(1, {
    fronts: FRONTS,
    config: { server: { host: "127.0.0.1", port: freePort(), fronts: FRONTS, reuse_port: true } },
  });
  const [server] = cluster.nodes as [TestNode];
  const clients = await Promise.all(Array.from({ length: USERS }, (_, at) => TestClient.join(server, `user-${at}`)));
  for (const client of clients) await client.subscribe("room:r");

  const listed = await server.admin("GET", "/connections");
  assertComplete(listed);
  const connections = listed.body.connections as { user: string; node: string }[];
  assertEquals(connections.length, USERS);
  assertEquals(new Set(connections.map(({ node }) => node)).size, FRONTS);
  assertEquals((await server.ready()).conditions, {
    ...{ listener: true, cells: true, certificate: true, store: true, keys: true, not_draining: true },
    ...{ cluster: true, fronts: true },
  });

  assertEquals((await clients[0]!.call("room.say", { room: "r", from: 1, count: 3 })).result, true);
  await until(() => clients.every(({ events }) => events.length >= 3), "the events at all clients");
  for (const { events } of clients) assertEquals(events, [1, 2, 3]);
  const published = await server.admin("POST", "/publish", { topic: "room:r", event: "message", data: { n: 4 } });
  assertEquals([published.status, published.body.delivered], [200, USERS]);

  for (const user of connections.map(({ user }) => user).slice(0, 6)) {
    assertEquals((await server.admin("POST", "/revocations", { sub: user })).body.closed, 1);
    const client = clients[Number(user.split("-")[1])]!;
    await until(() => client.ended !== undefined, `the session of ${user} to be closed`);
    assertEquals(client.ended, "4401 token_revoked");
  }
  assert(clients.filter(({ ended }) => ended === undefined).length === USERS - 6);
  for (const client of clients) client[Symbol.dispose]();
}));
