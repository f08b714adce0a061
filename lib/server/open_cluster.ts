/** Creates the node's part of the cluster that the configuration names. */
import type { Cluster, NodeDuties } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory.ts";
import type { Store } from "../store/store.ts";

export interface OpenClusterDeps {
  readonly store: Store;
  /** The clock of the store, in milliseconds. */
  readonly now: () => number;
}

/** A cluster of one node without `[cluster]`. */
export function openCluster(duties: NodeDuties, { store, now }: OpenClusterDeps): Cluster {
  return new MemoryCluster(duties, { store, now });
}
