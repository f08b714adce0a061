/** Administration of several nodes by one of them. */
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { optional } from "../../helpers/optional.ts";
import { assertComplete, REDIS, refusal, TestClient, TestCluster, type TestNode } from "./nodes.ts";

/** A revocation closes the sessions on all nodes within this time, in milliseconds. */
const REVOKED_WITHIN_MS = 1_000;
const ROUNDS = 20;

Deno.test(optional(REDIS, "an administrator of one node acts on all", async (t) => {
  await using cluster = await TestCluster.start(3);
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  // A revocation of a user covers the tokens issued before it.
  const token = a.server.token("revoked-0");
  const lifted = a.server.token("revoked-1");

  await t.step("GET /nodes lists all of them, with the same settings", async () => {
    const { body } = await b.admin("GET", "/nodes");
    const nodes = body.nodes as { id: string; own: boolean; same_config: boolean }[];
    assertEquals(nodes.map(({ own }) => own).sort(), [false, false, true]);
    assert(nodes.every(({ same_config }) => same_config));
    assertEquals(new Set(nodes.map(({ id }) => id)).size, 3);
  });

  await t.step("connections of all nodes are listed and closed", async () => {
    const clients = await Promise.all(cluster.nodes.map((node, index) => TestClient.join(node, `user-${index}`)));
    const answer = await a.admin("GET", "/connections");
    assertComplete(answer);
    const connections = answer.body.connections as { id: string; user: string; node: string }[];
    assertEquals(connections.map(({ user }) => user).sort(), ["user-0", "user-1", "user-2"]);
    assertEquals(new Set(connections.map(({ node }) => node)).size, 3);
    const { id } = connections.find(({ user }) => user === "user-2")!;
    assertEquals((await a.admin("DELETE", `/connections/${id}`)).status, 200);
    await until(() => clients[2]!.ended !== undefined, "the kicked connection to be closed");
    assertEquals(clients[2]!.ended, "1008 kicked");
    assertEquals([clients[0]!.ended, clients[1]!.ended], [undefined, undefined]);
    assertEquals((await a.admin("DELETE", `/connections/${id}`)).status, 404);
    for (const client of clients) client[Symbol.dispose]();
  });

  await t.step("a revocation closes the sessions on all nodes within a second, and is refused on all", async () => {
    const delays: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const user = `revoked-${round}`;
      const clients = await Promise.all(cluster.nodes.map((node) => TestClient.join(node, user)));
      using other = await TestClient.join(c, `honest-${round}`);
      const started = performance.now();
      const answer = await cluster.nodes[round % 3]!.admin("POST", "/revocations", { sub: user });
      assertComplete(answer);
      assertEquals(answer.body.closed, 3);
      await until(() => clients.every(({ ended }) => ended !== undefined), "three sessions to be closed");
      for (const { ended, endedAt } of clients) {
        assertEquals(ended, "4401 token_revoked");
        delays.push(endedAt - started);
      }
      assertEquals(other.ended, undefined);
      for (const client of clients) client[Symbol.dispose]();
    }
    const slowest = Math.max(...delays);
    assert(slowest <= REVOKED_WITHIN_MS, `a session was closed after ${Math.round(slowest)} ms`);
    for (const node of cluster.nodes) assertEquals(await refusal(node, { token }), "token_revoked");
  });

  await t.step("a revocation is listed and lifted on all nodes", async () => {
    const keys = async (node: TestNode) =>
      ((await node.admin("GET", "/revocations")).body.revocations as { key: string }[]).map(({ key }) => key);
    for (const node of cluster.nodes) assert((await keys(node)).includes("sub:revoked-1"));
    assertEquals((await c.admin("DELETE", "/revocations/sub:revoked-1")).body, { lifted: 1 });
    await until(async () => {
      const all = await Promise.all(cluster.nodes.map(keys));
      return all.every((listed) => !listed.includes("sub:revoked-1"));
    }, "the revocation to be lifted on all nodes");
    assertEquals(await refusal(a, { token: lifted }), "none");
  });

  await t.step("a node that starts later has the revocations before it is ready", async () => {
    const late = await cluster.add();
    await cluster.knows(late, 4);
    assertEquals(await refusal(late, { token }), "token_revoked");
  });
}));

Deno.test(optional(REDIS, "a node that is cut off says what it can't do, and does it when it is back", async (t) => {
  await using cluster = await TestCluster.start(2, { config: { cluster: { required: true, stale_after: "1s" } } });
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  a.link.cut();
  await a.server.logged("cluster.down");

  await t.step("it is not ready, and takes no new clients after stale_after", async () => {
    await until(async () => (await a.ready()).conditions.cluster === false, "not ready");
    await until(async () => await refusal(a, { user: "cyd" }) === "cluster_unavailable", "refusals");
    const refused = await TestClient.connect(a, { user: "cyd" });
    assert(!(refused instanceof TestClient));
    assertEquals([refused.status, Number(refused.headers.get("retry-after")) > 0], [503, true]);
    assertEquals((await b.ready()).status, 200);
    using other = await TestClient.join(b, "cyd");
    assertEquals(other.ended, undefined);
  });

  await t.step("open connections stay and work", async () => {
    await ann.subscribe("room:r");
    assertEquals((await ann.call("room.say", { room: "r", from: 1, count: 1 })).result, true);
    await until(() => ann.events.length === 1, "an event of the own node");
  });

  await t.step("a revocation is answered 503 with what was done here, and reaches the others later", async () => {
    const { status, body } = await a.admin("POST", "/revocations", { sub: "bob" });
    assertEquals([status, body.error, body.applied], [503, "cluster_unavailable", "here"]);
    const { body: listed } = await a.admin("GET", "/connections");
    assertEquals(listed.complete, false);
    assertEquals((listed.connections as { user: string }[]).map(({ user }) => user), ["ann"]);
    const kicked = await a.admin("DELETE", "/connections/unknown");
    assertEquals([kicked.status, kicked.body.error], [503, "cluster_unavailable"]);
    assertEquals(bob.ended, undefined);
  });

  await t.step("the link is opened again, although the permission to read the environment is given up", async () => {
    a.link.restore();
    await cluster.knows(a, 2);
    await until(() => bob.ended !== undefined, "bob's session to be closed on the other node");
    assertEquals(bob.ended, "4401 token_revoked");
    assertEquals(ann.ended, undefined);
    using cyd = await TestClient.join(a, "cyd");
    assertEquals(cyd.ended, undefined);
    using dan = await TestClient.join(b, "dan");
    await dan.subscribe("room:r");
    assertEquals((await dan.call("room.say", { room: "r", from: 2, count: 1 })).result, true);
    await until(() => ann.events.includes(2), "an event of the other node");
  });
}));

Deno.test(optional(REDIS, "a node with other settings is reported by all", async () => {
  await using cluster = await TestCluster.start(1);
  const [a] = cluster.nodes as [TestNode];
  const b = await cluster.add({ messages: { max_bytes: "32KiB" } });
  await cluster.knows(a, 2);
  for (const node of [a, b]) {
    await node.server.logged("cluster.config_mismatch");
    const { nodes } = (await node.admin("GET", "/nodes")).body as { nodes: { own: boolean; same_config: boolean }[] };
    assertEquals(nodes.map(({ own, same_config }) => own === same_config), [true, true]);
    const sample = (await node.metrics()).find(({ name }) => name === "sallyport_cluster_config_mismatch");
    assertEquals(sample?.value, 1);
  }
}));
