/** Values that can be taken once, such as tickets, in large numbers and from two nodes at once. */
import { assertEquals, assertLess } from "../assert.ts";
import { type Cluster, ClusterUnavailable } from "../../lib/cluster/cluster.ts";
import { optional } from "../helpers/optional.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";
import { settings, startNode } from "./nodes.ts";

const VALUES = 20_000;
const AT_ONCE = 100;
const TTL_MS = 600_000;
const DEADLINE_MS = 120_000;

/** The values that a call took: none or one. Null when the outcome is unknown, because Redis did not answer in time. */
async function taken({ state }: Cluster, key: string): Promise<string[] | null> {
  try {
    const value = await state.take("ticket", key);
    return value === undefined ? [] : [value];
  } catch (error) {
    if (error instanceof ClusterUnavailable) return null;
    throw error;
  }
}

Deno.test(optional(NEEDS, "of 20,000 values that two nodes take at once, each is taken exactly once", async () => {
  await using redis = await RedisServer.start();
  await using first = await startNode(settings(redis.url));
  await using second = await startNode(settings(redis.url));
  const nodes = [first.cluster, second.cluster] as const;
  const until = performance.now() + DEADLINE_MS;
  let known = 0;
  let firsts = 0;
  const put = ({ state }: Cluster, key: string) => {
    return state.put("ticket", key, `value of ${key}`, TTL_MS).then(() => [key], () => []);
  };
  /** Takes the value on both nodes. One with an unknown outcome is not counted, and another one follows. */
  const takeOnBoth = async (key: string, isSecondSooner: boolean) => {
    const order = isSecondSooner ? nodes.toReversed() : nodes;
    const outcomes = await Promise.all(order.map((node) => taken(node, key)));
    const values = outcomes.flatMap((values) => values ?? []);
    assertLess(values.length, 2, `${key} is taken twice`);
    if (outcomes.includes(null)) return;
    assertEquals(values, [`value of ${key}`]);
    known++;
    firsts += outcomes[isSecondSooner ? 1 : 0]!.length;
  };
  for (let batch = 0; known < VALUES; batch++) {
    assertLess(performance.now(), until, `milliseconds until ${VALUES} outcomes are known; ${known} are`);
    const keys = Array.from({ length: AT_ONCE }, (_, at) => put(nodes[at % 2]!, `${batch}-${at}`));
    // A node's calls leave together, so the node that is asked first wins them all on a quick machine.
    await Promise.all((await Promise.all(keys)).flat().map((key) => takeOnBoth(key, batch % 2 === 1)));
  }
  // Neither node takes all, so the nodes did compete.
  assertLess(0, firsts);
  assertLess(firsts, known);
}));
