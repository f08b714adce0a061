/** A master that is killed under Sentinel, and nodes that are restarted one after the other, under load. */
import { until } from "../../helpers/until.ts";
import { assert, assertEquals } from "../../assert.ts";
import { NEEDS, startSentinels } from "../../helpers/redis_server.ts";
import { optional } from "../../helpers/optional.ts";
import { refusal, TestClient, TestCluster, type TestNode } from "./nodes.ts";

const FAILOVER_DEADLINE_MS = 60_000;

/** Ascending, without a number twice. */
function assertOnceInOrder(events: readonly number[], receiver: string): void {
  const wrong = events.findIndex((n, at) => at > 0 && n <= events[at - 1]!);
  assertEquals(wrong, -1, `${receiver}: ${events.slice(Math.max(0, wrong - 2), wrong + 2)}`);
}

/** Publishes numbers from 0 on through one client, ten in each call, until it is stopped. */
class Load {
  published = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(readonly client: () => TestClient) {
    this.#done = this.#run();
    // A test that fails closes the client. The failure is told by the test, or by stop().
    this.#done.catch(() => {});
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const { result } = await this.client().call("room.say", { room: "r", from: this.published, count: 10 });
      if (result === true) this.published += 10;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  stop(): Promise<void> {
    this.#running = false;
    return this.#done;
  }
}

Deno.test(optional(NEEDS, "when Sentinel replaces a master, connections stay and messages pass again", async () => {
  const { servers, sentinels } = await startSentinels();
  await using stack = new AsyncDisposableStack();
  for (const one of [...servers, ...sentinels]) stack.use(one);
  const url = `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/main`;
  await using cluster = await TestCluster.start(2, { url });
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  using ann = await TestClient.join(a, "ann");
  using bob = await TestClient.join(b, "bob");
  for (const client of [ann, bob]) await client.subscribe("room:r");
  const token = a.server.token("mallory");
  assertEquals((await a.admin("POST", "/revocations", { sub: "mallory" })).status, 200);
  const load = new Load(() => ann);
  await until(() => bob.events.length > 50, "events on both nodes");

  await servers[0]!.kill();
  await Promise.all([a, b].map(({ server }) => server.logged("cluster.down")));
  const before = bob.events.length;
  await until(
    () => bob.events.length > before + 100,
    "events on the other node after the failover",
    FAILOVER_DEADLINE_MS,
  );
  await cluster.knows(a, 2);
  await cluster.knows(b, 2);
  await load.stop();
  await until(
    () => [ann, bob].every(({ events }) => events.at(-1) === load.published - 1),
    "the last event on both nodes",
  );

  assertEquals([ann.ended, bob.ended], [undefined, undefined]);
  assertOnceInOrder(ann.events, "the publisher's node");
  assertOnceInOrder(bob.events, "the other node");
  const samples = (await a.metrics()).filter(({ name }) => name === "sallyport_cluster_published_total");
  assertEquals(samples.reduce((sum, { value }) => sum + value, 0), load.published, "each publication has an outcome");
  const lost = samples.filter(({ labels }) => labels.result !== "sent").reduce((sum, { value }) => sum + value, 0);
  assert(lost > 0, "what the other node missed is counted");
  const late = await cluster.add();
  await cluster.knows(late, 3);
  assertEquals(await refusal(late, { token }), "token_revoked");
}));

Deno.test(
  optional(NEEDS, "nodes are restarted one after the other: each client comes back, and is counted once", async () => {
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    await using cluster = await TestCluster.start(2, {
      config: { server: { host: "localhost", port: 0, max_connections_per_user: 1, drain_timeout: "3s" } },
    });
    const clients = new Map<string, TestClient>();
    let alive = [...cluster.nodes];
    /** Brings back each user whose connection was ended, to a node that takes connections. */
    const back = async () => {
      await Promise.all(users.map(async (user, index) => {
        if (clients.get(user)?.ended === undefined && clients.has(user)) return;
        const answer = await TestClient.connect(alive[index % alive.length]!, { user });
        if (!(answer instanceof TestClient)) return;
        await answer.subscribe("room:r");
        clients.set(user, answer);
      }));
      return users.every((user) => clients.has(user) && clients.get(user)!.ended === undefined);
    };
    await until(back, "all users to be connected");

    const first = [...cluster.nodes];
    for (const node of first) {
      alive = alive.filter((one) => one !== node);
      const own = [...clients.values()].filter((client) => client.ended === undefined).length;
      assertEquals(own, users.length);
      let status: number | undefined;
      void node.server.exited().then(({ code }) => status = code);
      node.server.signal("SIGTERM");
      await until(async () => status !== undefined && await back(), "all users to be back", 60_000);
      assertEquals(status, 0);
      const next = await cluster.add();
      alive.push(next);
      for (const one of alive) await cluster.knows(one, 2);
    }

    for (const node of first) assert(node.server.log.some(({ event }) => event === "drain.finished"));
    const [node] = alive as [TestNode];
    const { body } = await node.admin("GET", "/connections");
    assertEquals((body.connections as { user: string }[]).map(({ user }) => user).sort(), [...users].sort());
    const present = async () => {
      const { result } = await clients.get("user-0")!.call("topic.presence", { topic: "room:r" });
      return (result as { connections: number }[]).map(({ connections }) => connections).join();
    };
    await until(async () => await present() === users.map(() => 1).join(), "presence of each user once");
    for (const user of users) assertEquals(await refusal(node, { user }), "too_many_connections");
    for (const client of clients.values()) client[Symbol.dispose]();
  }),
);
