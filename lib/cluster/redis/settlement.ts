/** The spending of all nodes from buckets of users and addresses. */
import type { Spending } from "../cluster.ts";
import type { Link } from "./link.ts";
import { type Names, partitionOf } from "./partitions.ts";

export interface SettlementDeps {
  readonly link: Link;
  readonly names: Names;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** Buckets settled by one call at most, and by one script. */
const MOST_BUCKETS = 4_096;
const BATCH = 128;
/** Sums are forgotten before Redis forgets them (a minute), so that none is compared with one that began again. */
const REMEMBERED_MS = 30_000;

/** Less is an error of rounding. */
const LEAST_TOKENS = 0.001;

export class Settlement {
  readonly #deps: SettlementDeps;
  /** The sum of all nodes at the last call, and its time. In the order of the time. */
  readonly #sums = new Map<string, { readonly sum: number; readonly at: number }>();

  constructor(deps: SettlementDeps) {
    this.#deps = deps;
  }

  async settle(spent: ReadonlyMap<string, Spending>): Promise<ReadonlyMap<string, number>> {
    this.#forgetOld();
    const some = [...spent].slice(0, MOST_BUCKETS);
    const byPartition = Map.groupBy(some, ([key]) => partitionOf(key));
    const others = new Map<string, number>();
    const calls: Promise<void>[] = [];
    for (const [partition, entries] of byPartition) {
      for (let i = 0; i < entries.length; i += BATCH) {
        calls.push(this.#settle(partition, entries.slice(i, i + BATCH), others));
      }
    }
    await Promise.allSettled(calls);
    return others;
  }

  async #settle(
    partition: number,
    entries: readonly (readonly [string, Spending])[],
    others: Map<string, number>,
  ): Promise<void> {
    const { link, names, now } = this.#deps;
    const keys = entries.map(([key]) => names.of(partition, "spent", key));
    const args = entries.flatMap(([, { tokens, rate }]) => [String(tokens), String(rate)]);
    const reply = await link.script(partition, "settle", keys, args) as string[];
    entries.forEach(([key, { tokens }], index) => {
      const [sum, unpaid] = [Number(reply[2 * index]), Number(reply[2 * index + 1])];
      const before = this.#sums.get(key);
      this.#sums.delete(key);
      this.#sums.set(key, { sum, at: now() });
      // A sum that is new to this node, or began again, says nothing of the time since the last call.
      const byOthers = before === undefined || sum < before.sum ? unpaid - tokens : sum - before.sum - tokens;
      if (byOthers > LEAST_TOKENS) others.set(key, byOthers);
    });
  }

  #forgetOld(): void {
    const oldest = this.#deps.now() - REMEMBERED_MS;
    for (const [key, { at }] of this.#sums) {
      if (at > oldest) return;
      this.#sums.delete(key);
    }
  }
}
