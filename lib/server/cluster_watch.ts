/** Figures of the cluster, and nodes with other settings than this one. */
import type { Cluster, NodeInfo } from "../cluster/cluster.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** Time between two looks at the nodes, in milliseconds. */
const LOOK_MS = 1_000;

export interface ClusterWatchDeps {
  readonly cluster: Pick<Cluster, "control" | "figures" | "link">;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** Registers the figures, and looks at the settings of the other nodes periodically. */
export class ClusterWatch {
  readonly #deps: ClusterWatchDeps;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Ids of nodes whose mismatch is logged, with the two fingerprints of it. */
  readonly #mismatches = new Map<string, string>();

  constructor(deps: ClusterWatchDeps) {
    this.#deps = deps;
    const { telemetry, cluster } = deps;
    telemetry.figure("sallyport_cluster_up", () => cluster.link().up ? 1 : 0);
    telemetry.figure("sallyport_cluster_nodes", () => cluster.control.nodes().length);
    telemetry.figure("sallyport_cluster_config_mismatch", () => mismatching(cluster.control.nodes()).length);
    telemetry.figure("sallyport_cluster_received_total", () => cluster.figures.received);
    telemetry.figure("sallyport_cluster_failures_total", () => cluster.figures.failures);
    telemetry.figure("sallyport_cluster_failed_calls_total", () => cluster.figures.failedCalls);
    telemetry.figure("sallyport_cluster_refused_messages_total", () => cluster.figures.refusedMessages);
    telemetry.published = () => cluster.figures.published;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Logs each mismatch that was not there at the last call. */
  look(): void {
    const { cluster, log } = this.#deps;
    // While the link is down, the list of nodes is only the last known one.
    if (!cluster.link().up) return;
    const nodes = cluster.control.nodes();
    const own = nodes.find((node) => node.own)?.fingerprint;
    const found = new Map(mismatching(nodes).map((node) => [node.id, node]));
    for (const [id, { name, fingerprint }] of found) {
      const both = `${own} ${fingerprint}`;
      if (this.#mismatches.get(id) === both) continue;
      this.#mismatches.set(id, both);
      log.warn("cluster.config_mismatch", { node: id, name, config: fingerprint, own_config: own });
    }
    for (const id of this.#mismatches.keys()) if (!found.has(id)) this.#mismatches.delete(id);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** The nodes whose settings differ from those of the own node. A node that starts or drains tells nothing of them. */
export function mismatching(nodes: readonly NodeInfo[]): NodeInfo[] {
  const own = nodes.find((node) => node.own)?.fingerprint ?? "";
  return own === "" ? [] : nodes.filter(({ fingerprint }) => fingerprint !== "" && fingerprint !== own);
}
