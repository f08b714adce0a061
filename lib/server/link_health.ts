/** The meaning of the state of the link to the other nodes for this node. */
import type { LinkState } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";

/**
 * Whether new connections are refused: the node has not yet loaded the bans and revocations of the others, or it
 * requires the link, which has been down for longer than `cluster.stale_after`.
 */
export function isCutOff(link: LinkState, { cluster }: Config): boolean {
  return !link.loaded || (cluster !== undefined && cluster.required && isStale(link, cluster));
}

/** The condition `cluster` of readiness: as {@linkcode isCutOff}, whether or not the node requires the link. */
export function isConnected(link: LinkState, { cluster }: Config): boolean {
  return link.loaded && (cluster === undefined || !isStale(link, cluster));
}

function isStale({ up, forMs }: LinkState, { stale_after }: NonNullable<Config["cluster"]>): boolean {
  return !up && forMs > stale_after;
}
