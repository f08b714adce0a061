/** Failovers under load: no duplicate, one order, and losses that are counted. */
import { until } from "../helpers/until.ts";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { partitionOf, slotOf } from "../../lib/cluster/redis/partitions.ts";
import { settings, startNode, type TestNode } from "./nodes.ts";
import { NEEDS, RedisServer, startRedisCluster, startSentinels } from "../helpers/redis_server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Messages that were published so long before a failure have arrived. */
const ON_THE_WAY_MS = 5_000;

/** Publishes from some nodes until it is stopped, and judges what the nodes received. */
class Load {
  readonly #nodes: readonly TestNode[];
  readonly #topics: readonly string[];
  /** For each node, when it published each message. */
  readonly #published: number[][];
  /** Times in which messages may be lost. */
  readonly #failures: { readonly from: number; to: number }[] = [];
  /** Further publications of each node. */
  #more = 0;
  #probes = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Each node publishes `rate` messages every 5 ms. */
  constructor(nodes: readonly TestNode[], topics: readonly string[], rate = 5) {
    this.#nodes = nodes;
    this.#topics = topics;
    this.#published = nodes.map(() => []);
    this.#timer = setInterval(() => this.publish(rate), 5);
  }

  publish(count: number): void {
    for (let i = 0; i < count; i++) {
      for (const [index, { cluster }] of this.#nodes.entries()) {
        const number = this.#published[index]!.push(performance.now()) - 1;
        const topic = this.#topics[number % this.#topics.length]!;
        cluster.backplane.publish("m", topic, bytes(`${index}:${number}`));
      }
    }
  }

  /** The nodes have published so many messages in all. */
  async reached(count: number): Promise<void> {
    const published = () => this.#published.reduce((sum, times) => sum + times.length, 0);
    await until(() => published() >= count, () => `${count} publications, there are ${published()}`, 60_000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The outcomes of publications of the first node to other topics. */
  probe(): Set<string> {
    const topics = Array.from({ length: 40 }, (_, index) => `other ${index}`);
    this.#probes += topics.length;
    return new Set(topics.map((topic) => this.#nodes[0]!.cluster.backplane.publish("m", topic, bytes(""))));
  }

  /** Something fails now: from a little before until the links have recovered, messages may be lost. */
  fails(): void {
    this.#failures.push({ from: performance.now() - ON_THE_WAY_MS, to: Infinity });
  }

  /** All links are up again, so that a message passes from each node to each. */
  async recovered(name: string): Promise<void> {
    const nodes = this.#nodes;
    await until(
      () => {
        return nodes.every(({ cluster }) => cluster.link().up);
      },
      () => `the links to be up: ${JSON.stringify(nodes.map(({ log }) => log))}`,
      60_000,
    );
    this.#more += this.#topics.length;
    const texts: string[] = [];
    for (const [index, { cluster }] of nodes.entries()) {
      for (const topic of this.#topics) {
        cluster.backplane.publish("m", topic, bytes(`${name} ${index}`));
        texts.push(`m ${topic} ${name} ${index}`);
      }
    }
    for (const { duties } of nodes) {
      await until(() => texts.every((text) => duties.messages.includes(text)), `the messages of ${name}`);
    }
    this.#failures.at(-1)!.to = performance.now();
  }

  /** Every publication has an outcome, and each topic has one order on all nodes, without a message twice. */
  async judge(): Promise<void> {
    this.stop();
    for (const [index, { cluster }] of this.#nodes.entries()) {
      const counted = () => Object.values(cluster.figures.published).reduce((sum, count) => sum + count);
      await until(() => {
        return counted() === this.#published[index]!.length + this.#more + (index === 0 ? this.#probes : 0);
      }, "all publications to have an outcome");
    }
    for (const topic of this.#topics) this.#judgeTopic(`m ${topic} `);
    await this.#judgeLosses();
  }

  /** Only what was published around a failure is lost, and nothing of that is counted as lost and comes. */
  async #judgeLosses(): Promise<void> {
    const certain = this.#published.flatMap((times, index) =>
      times.flatMap((time, number) => {
        if (this.#failures.some(({ from, to }) => from <= time && time <= to)) return [];
        return `m ${this.#topics[number % this.#topics.length]} ${index}:${number}`;
      })
    );
    assertGreater(certain.length, 1_000, "messages that can't be lost");
    for (const { duties, cluster } of this.#nodes) {
      const lost = () => new Set(certain).difference(new Set(duties.messages));
      await until(() => lost().size === 0, () => `${[...lost()].slice(0, 10)} of ${lost().size} on ${cluster.node}`);
    }
    for (const [index, { cluster }] of this.#nodes.entries()) {
      const { sent, unknown, local } = cluster.figures.published;
      for (const [other, { duties }] of this.#nodes.entries()) {
        const received = duties.messages.filter((text) => text.includes(` ${index}:`)).length;
        assertLessOrEqual(received, sent + unknown + (other === index ? local : 0), "received of those handed over");
      }
    }
  }

  #judgeTopic(head: string): void {
    const orders = this.#nodes.map(({ duties }) => duties.messages.filter((text) => text.startsWith(head)));
    for (const order of orders) {
      assertEquals(new Set(order).size, order.length, "a message came twice");
      for (const index of this.#nodes.keys()) {
        const numbers = order.filter((text) => text.startsWith(`${head}${index}:`)).map((text) =>
          Number(text.split(":")[1])
        );
        assertEquals(numbers, numbers.toSorted((a, b) => a - b), "the order of a publisher");
      }
    }
    const [first, ...others] = orders;
    const places = new Map(first!.map((text, place) => [text, place]));
    for (const order of others) {
      const common = order.flatMap((text) => places.get(text) ?? []);
      assertGreater(common.length, 20, "messages that two nodes received");
      assertEquals(common, common.toSorted((a, b) => a - b), "the order of two nodes");
    }
  }
}

Deno.test(optional(NEEDS, "two failovers of Sentinel among 100,000 publications", async () => {
  const { servers, sentinels } = await startSentinels();
  await using stack = new AsyncDisposableStack();
  for (const one of [...servers, ...sentinels]) stack.use(one);
  const url = `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/main`;
  const nodes = await Promise.all([1, 2, 3].map(() => startNode(settings(url))));
  for (const node of nodes) stack.use(node);
  for (const { cluster } of nodes) await cluster.backplane.listen("m", "t");
  assertEquals(await nodes[0]!.cluster.state.seat("ann", 1), "taken");
  const load = new Load(nodes, ["t"], 15);
  try {
    for (const [from, to] of [[0, 1], [1, 0]] as const) {
      const failures = nodes.map(({ cluster }) => cluster.figures.failures);
      load.fails();
      await servers[from]!.kill();
      await until(() => nodes.every(({ cluster }, i) => cluster.figures.failures > failures[i]!), "all links to fail");
      await load.recovered(`failover ${from}`);
      assert((await servers[to]!.cli("ROLE")).startsWith("master"), "the replica is the master");
      await servers[from]!.restart();
      const isReplica = async () => {
        const role = await servers[from]!.cli("ROLE");
        return role.startsWith("slave") && role.includes("connected");
      };
      await until(isReplica, "the former master to follow", 60_000);
    }
    await load.reached(100_000);
    await load.judge();
    await until(async () => await nodes[1]!.cluster.state.seat("ann", 1) === "full", "the seat to be counted");
  } finally {
    load.stop();
  }
}));

/** The first slots, which move, and topics in them and in others. */
const MOVED = 600;
const names = Array.from({ length: 400 }, (_, index) => `topic ${index}`);
const slotOfTopic = (topic: string) => slotOf(partitionOf(`m\0${topic}`));
const TOPICS = [
  ...names.filter((name) => slotOfTopic(name) < MOVED).slice(0, 4),
  ...names.filter((name) => slotOfTopic(name) >= MOVED).slice(0, 8),
];

async function clusterNodes(stack: AsyncDisposableStack, servers: readonly RedisServer[]): Promise<TestNode[]> {
  for (const one of servers) stack.use(one);
  const url = `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const nodes = await Promise.all([1, 2].map(() => startNode(settings(url))));
  for (const node of nodes) stack.use(node);
  for (const { cluster } of nodes) for (const topic of TOPICS) await cluster.backplane.listen("m", topic);
  return nodes;
}

Deno.test(optional(NEEDS, "a master of a Redis Cluster is killed under load: topics of the others go on", async () => {
  await using stack = new AsyncDisposableStack();
  const servers = await startRedisCluster(true);
  const nodes = await clusterNodes(stack, servers);
  const load = new Load(nodes, TOPICS);
  try {
    load.fails();
    await servers[0]!.kill();
    await until(() => nodes.every(({ cluster }) => cluster.figures.failures > 0), "the failure to be noticed");
    await until(() => load.probe().size === 2, "some topics to be local and others not");
    await load.recovered("failover");
    load.publish(600);
    await load.judge();
    await until(() => nodes.every(({ cluster }) => cluster.control.nodes().length === 2), "the nodes to be seen");
  } finally {
    load.stop();
  }
}));

Deno.test(optional(NEEDS, "slots move to another master under load", async () => {
  await using stack = new AsyncDisposableStack();
  const servers = await startRedisCluster();
  const nodes = await clusterNodes(stack, servers);
  const load = new Load(nodes, TOPICS);
  try {
    const [from, to] = [await servers[0]!.cli("CLUSTER", "MYID"), await servers[1]!.cli("CLUSTER", "MYID")];
    load.fails();
    await new Deno.Command("redis-cli", {
      args: ["--cluster", "reshard", `127.0.0.1:${servers[0]!.port}`, "--cluster-from", from, "--cluster-to", to]
        .concat("--cluster-slots", String(MOVED), "--cluster-yes"),
      stdin: "null",
    }).output();
    await until(() => nodes.every(({ cluster }) => cluster.figures.failures > 0), "the failure to be noticed");
    await load.recovered("moved");
    load.publish(600);
    await load.judge();
  } finally {
    load.stop();
  }
}));
