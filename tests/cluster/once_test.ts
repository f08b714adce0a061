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
  /** Puts a value and takes it on both nodes. A value with an unknown outcome is not counted, and another one follows. */
  const one = async (key: string, at: number) => {
    const isPut = await nodes[at % 2]!.state.put("ticket", key, `value of ${key}`, TTL_MS).then(
      () => true,
      () => false,
    );
    if (!isPut) return;
    const [one, other] = await Promise.all(nodes.map((node) => taken(node, key)));
    const values = [...one ?? [], ...other ?? []];
    assertLess(values.length, 2, `${key} is taken twice`);
    if (one === null || other === null) return;
    assertEquals(values, [`value of ${key}`]);
    known++;
    firsts += one!.length;
  };
  for (let batch = 0; known < VALUES; batch++) {
    assertLess(performance.now(), until, `milliseconds until ${VALUES} outcomes are known; ${known} are`);
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => one(`${batch}-${at}`, at)));
  }
  // Neither node takes all, so the nodes did compete.
  assertLess(0, firsts);
  assertLess(firsts, known);
}));
