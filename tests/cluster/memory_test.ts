/** A node that runs alone: what is particular to it. */
import { assertEquals } from "../assert.ts";
import { MemoryCluster } from "../../lib/cluster/memory.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import { RecordedDuties } from "./duties.ts";

function open(): { cluster: MemoryCluster; duties: RecordedDuties; store: MemoryStore; clock: { now: number } } {
  const clock = { now: 1_000_000 };
  const store = new MemoryStore(() => clock.now);
  const duties = new RecordedDuties();
  return { cluster: new MemoryCluster(duties, { store, now: () => clock.now }), duties, store, clock };
}

Deno.test("a message is delivered within the call of publish", () => {
  const { cluster, duties } = open();
  assertEquals(cluster.backplane.listen("m", "t"), undefined, "it listens already");
  assertEquals(cluster.backplane.publish("m", "t", new TextEncoder().encode("one")), "sent");
  assertEquals(duties.messages, ["m t one"]);
  assertEquals(cluster.figures.published, { sent: 1, local: 0, dropped: 0, unknown: 0 });
});

Deno.test("a value is kept in the store of the node, so that it survives a restart, and expires", async () => {
  const { cluster, store, clock } = open();
  await cluster.state.put("ticket", "a", "1", 30_000);
  await cluster.state.put("ticket", "b", "2", 30_000);
  assertEquals(store.get("ticket", "a"), "1");
  assertEquals(await cluster.state.take("ticket", "a"), "1");
  clock.now += 30_000;
  assertEquals(await cluster.state.take("ticket", "b"), undefined);
});

Deno.test("a seat is counted before the call returns, so that calls at once can't share the last one", async () => {
  const { cluster } = open();
  const results = await Promise.all(Array.from({ length: 30 }, () => cluster.state.seat("ann", 20)));
  assertEquals(results.filter((result) => result === "taken").length, 20);
});

Deno.test("an answer that fails is missing", async () => {
  const { cluster, duties } = open();
  duties.reply = () => Promise.reject(new Error("no"));
  assertEquals(await cluster.control.ask({ kind: "list" }), {
    answers: new Map(),
    complete: false,
    missing: [cluster.node],
  });
});
