/** Creates the node's part of the cluster that the configuration names. */
import type { Cluster, NodeDuties } from "../cluster/cluster.ts";
import { MemoryCluster, type MemoryClusterDeps } from "../cluster/memory.ts";
import { readSettings } from "../cluster/redis/read_settings.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/log.ts";

export interface OpenClusterDeps extends MemoryClusterDeps {
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/** Creates the node's part of a cluster, which is not started yet. */
export type OpenCluster = (duties: NodeDuties, deps: OpenClusterDeps) => Cluster;

/** A node that runs alone. */
export const openAlone: OpenCluster = (duties, deps) => new MemoryCluster(duties, deps);

/**
 * Reads the files of `[cluster]`, which is possible only at the start.
 *
 * @throws {Error} if one of them can't be read
 */
export async function clusterOpener({ cluster }: Config): Promise<OpenCluster> {
  if (cluster === undefined) return openAlone;
  const settings = readSettings(cluster);
  // The client of Redis takes 30 MB, which a node that runs alone spares.
  const { RedisCluster } = await import("../cluster/redis/redis.ts");
  return (duties, { log, monotonic }) => new RedisCluster(settings, duties, { log, now: monotonic });
}
