/** The rhythm of the settlements with other nodes, by an interval of the real clock and a cluster that answers late. */
import type { Cluster } from "../../lib/cluster/cluster.ts";
import type { SpendingLedger } from "../../lib/limits/limits.ts";
import { SETTLE_MS, startSettlement } from "../../lib/server/settlement.ts";
import { assertEquals } from "../assert.ts";
import { until } from "../helpers/until.ts";

type Spent = ReadonlyMap<string, { readonly tokens: number; readonly rate: number }>;

/** Settlements with a cluster that answers when it is told to. */
function make() {
  const asked: PromiseWithResolvers<ReadonlyMap<string, number>>[] = [];
  const charged: ReadonlyMap<string, number>[] = [];
  let collected = 0;
  const spent: Spent = new Map([["user:ann", { tokens: 3, rate: 1 }]]);
  const ledger = {
    collect: (nodes: number) => (assertEquals(nodes, 2), collected++, spent),
    charge: (ofOthers: ReadonlyMap<string, number>) => void charged.push(ofOthers),
  };
  const state = {
    settle(given: Spent) {
      assertEquals(given, spent);
      const answer = Promise.withResolvers<ReadonlyMap<string, number>>();
      asked.push(answer);
      return answer.promise;
    },
  };
  const cluster = { state, control: { nodes: () => [{}, {}] } };
  const end = startSettlement(
    ledger as unknown as SpendingLedger,
    cluster as unknown as Pick<Cluster, "state" | "control">,
    () => 0,
  );
  return { asked, charged, end, collected: () => collected };
}

Deno.test({
  name: "startSettlement() makes one settlement at a time, and charges what others spent",
  sanitizeOps: true,
  async fn() {
    const { asked, charged, end, collected } = make();
    await until(() => asked.length === 1, "the first settlement");
    const begun = performance.now();
    await until(() => performance.now() - begun > 2 * SETTLE_MS, "two more intervals");
    assertEquals([asked.length, collected()], [1, 1], "spending is not collected before the answer");
    asked[0]!.resolve(new Map([["user:ann", 5]]));
    await until(() => charged.length === 1, "the charge");
    assertEquals(charged[0], new Map([["user:ann", 5]]));
    await until(() => asked.length === 2, "the next settlement");
    end();
    asked[1]!.resolve(new Map());
    await until(() => charged.length === 2, "the last charge");
  },
});
