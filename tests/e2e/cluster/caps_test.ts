/** The counts that nodes keep together: connections of a user, tickets. */
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { ORIGIN } from "../../helpers/test_server.ts";
import { optional } from "../../helpers/optional.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { LEASE_DEADLINE_MS, REDIS, TestClient, TestCluster, type TestNode } from "./nodes.ts";

const CAP = 20;
const ATTEMPTS = 200;
const TICKETS = 200;
const ROUNDS = 10;
const GENEROUS = { rate: 10_000, burst: 10_000 };

Deno.test(optional(REDIS, "of 200 connections of one user to two nodes at once, 20 are accepted", async (t) => {
  await using cluster = await TestCluster.start(2, {
    direct: true,
    config: {
      server: { host: "localhost", port: 0, max_connections_per_user: CAP, max_connections_per_ip: 1_000 },
    },
  });
  const clients: TestClient[] = [];
  const closeAll = async () => {
    for (const client of clients.splice(0)) client[Symbol.dispose]();
    await until(async () => {
      const { body } = await cluster.nodes[0]!.admin("GET", "/connections");
      return body.complete === true && (body.connections as unknown[]).length === 0;
    }, "the connections to be closed");
  };
  const attempt = async (node: TestNode) => {
    const answer = await TestClient.connect(node, { user: "ann" });
    if (!(answer instanceof TestClient)) return `${answer.status} ${JSON.parse(answer.body).error}`;
    clients.push(answer);
    return "101";
  };
  const counted = (answers: readonly string[]) => {
    const counts: Record<string, number> = {};
    for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    return counts;
  };

  const failedCalls = async () => {
    const samples = (await Promise.all(cluster.nodes.map((node) => node.metrics()))).flat();
    const failed = samples.filter(({ name }) => name === "sallyport_cluster_failed_calls_total");
    return failed.reduce((sum, { value }) => sum + value, 0);
  };

  await t.step("the cap holds over both nodes", async () => {
    // On a machine that is too busy for an answer of Redis within 250 ms, the local cap applies; then there is another try.
    for (let round = 1;; round++) {
      const before = await failedCalls();
      const answers = await Promise.all(Array.from({ length: ATTEMPTS }, (_, at) => attempt(cluster.nodes[at % 2]!)));
      const { "101": opened = 0, "429 too_many_connections": refused = 0 } = counted(answers);
      assertEquals(opened + refused, ATTEMPTS);
      if (await failedCalls() === before) {
        assertEquals(opened, CAP);
        break;
      }
      assert(opened <= 2 * CAP && round < ROUNDS, `round ${round}: ${opened} connections`);
      await closeAll();
    }
    using bob = await TestClient.join(cluster.nodes[0]!, "bob");
    assertEquals(bob.ended, undefined);
  });

  await t.step("a seat is free again once its connection is closed", async () => {
    clients.splice(0, 5).forEach((client) => client[Symbol.dispose]());
    let opened = 0;
    await until(async () => {
      if (await attempt(cluster.nodes[opened % 2]!) === "101") opened++;
      return opened === 5;
    }, "five more connections");
    assertEquals(await attempt(cluster.nodes[1]!), "429 too_many_connections");
  });

  await t.step("the seats and the presence of a node that is killed are free within its lease", async () => {
    const [a, b] = cluster.nodes as [TestNode, TestNode];
    await closeAll();
    using watcher = await TestClient.join(a, "watcher");
    await watcher.subscribe("room:r");
    await until(async () => {
      await attempt(b);
      return clients.length === CAP;
    }, "all seats on the second node");
    await Promise.all(clients.map((client) => client.subscribe("room:r")));
    const present = async () => {
      const { result } = await watcher.call("topic.presence", { topic: "room:r" });
      return (result as { user: string; connections: number }[]).map(({ user, connections }) =>
        `${user} ${connections}`
      )
        .sort().join();
    };
    await until(async () => await present() === `ann ${CAP},watcher 1`, "presence of both nodes");
    assertEquals(await attempt(a), "429 too_many_connections");
    b.server.signal("SIGKILL");
    await b.server.exited();
    await until(async () => await attempt(a) === "101", "a seat on the other node", LEASE_DEADLINE_MS);
    await until(async () => await present() === "watcher 1", "presence without the dead node", LEASE_DEADLINE_MS);
    await a.server.logged("cluster.node_left");
  });
  for (const client of clients) client[Symbol.dispose]();
}));

async function ticketOf(node: TestNode, user: string): Promise<string> {
  using client = await RawClient.connect({ port: node.server.port });
  const headers = { origin: ORIGIN, authorization: `Bearer ${node.server.token(user)}` };
  const { status, body } = await client.request("/ticket", headers, { method: "POST", body: "", deadlineMs: 20_000 });
  assertEquals(status, 200, body);
  return JSON.parse(body).ticket;
}

Deno.test(optional(REDIS, "a ticket is redeemed exactly once, whichever node issued it", async () => {
  await using cluster = await TestCluster.start(2, {
    direct: true,
    config: {
      server: { host: "localhost", port: 0, max_connections_per_user: 1_000, max_connections_per_ip: 2_000 },
      limits: { handshake: GENEROUS, handshake_user: GENEROUS, ticket: GENEROUS, adaptive: false },
    },
  });
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const tickets: string[] = [];
  for (let n = 0; n < TICKETS; n += 20) {
    tickets.push(...await Promise.all(Array.from({ length: 20 }, (_, at) => ticketOf(at % 2 ? a : b, `user-${n}`))));
  }
  const outcomes: number[] = [];
  for (let n = 0; n < TICKETS; n += 20) {
    outcomes.push(
      ...await Promise.all(
        tickets.slice(n, n + 20).map(async (ticket) => {
          const answers = await Promise.all(
            [a, b, a, b].map((node) => TestClient.connect(node, { ticket })),
          );
          let opened = 0;
          for (const answer of answers) {
            if (!(answer instanceof TestClient)) assertEquals(JSON.parse(answer.body).error, "ticket_invalid");
            else {
              opened++;
              answer[Symbol.dispose]();
            }
          }
          return opened;
        }),
      ),
    );
  }
  assertEquals(outcomes, Array.from({ length: TICKETS }, () => 1));
}));
