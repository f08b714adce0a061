/** Partitions of keys and channels. */
import { assert, assertEquals } from "../../assert.ts";
import { ALL_PARTITIONS, CONTROL, Names, partitionOf, slotOf } from "../../../lib/cluster/redis/partitions.ts";

Deno.test("slotOf() is the slot that a Redis Cluster computes", () => {
  // Values of CLUSTER KEYSLOT.
  assertEquals([0, 1, 255, CONTROL].map(slotOf), [15882, 11819, 13606, 11148]);
});

Deno.test("partitions are spread over the slots, and names over the partitions", () => {
  const thirds = ALL_PARTITIONS.map((partition) => Math.floor(slotOf(partition) / 5462));
  for (const third of [0, 1, 2]) assert(thirds.filter((one) => one === third).length > 50, `third ${third}`);
  const names = Array.from({ length: 25_600 }, (_, index) => partitionOf(`user-${index}`));
  const counts = Map.groupBy(names, (partition) => partition);
  assertEquals(counts.size, 256);
  assert([...counts.values()].every(({ length }) => length > 40 && length < 200), "no partition has twice its share");
  assert(!counts.has(CONTROL));
});

Deno.test("a name that contains braces does not change the slot", () => {
  assertEquals(new Names("p").of(3, "seats", "{x}"), "p:{p3}:seats:{x}");
});
