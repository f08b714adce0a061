/** Settles with the other nodes what was spent from buckets that all of them share. */
import type { Cluster } from "../cluster/cluster.ts";
import type { SpendingLedger } from "../limits/limits.ts";

/** Time between two settlements. Within it, each node decides by its own bucket. */
export const SETTLE_MS = 250;

/**
 * Starts the settlements.
 *
 * @param now the clock of the buckets, in milliseconds
 * @returns a function that ends them
 */
export function startSettlement(
  ledger: SpendingLedger,
  { state, control }: Pick<Cluster, "state" | "control">,
  now: () => number,
): () => void {
  let settling = false;
  const timer = setInterval(async () => {
    if (settling) return;
    const spent = ledger.collect(control.nodes().length);
    if (spent.size === 0) return;
    settling = true;
    const ofOthers = await state.settle(spent);
    settling = false;
    ledger.charge(ofOthers, now());
  }, SETTLE_MS);
  return () => clearInterval(timer);
}
