/** Findings about a node that is cut off from the others. What the database says of itself is checked by asking it. */
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";
import { formatDuration } from "../units.ts";

/** A longer time with unknown revocations is probably unintended where new handshakes depend on them. */
const LONG_STALE_MS = 60_000;

export function clusterFindings({ cluster }: Config): Finding[] {
  if (cluster === undefined) return [];
  if (!cluster.required) {
    return [finding(
      "note",
      "cluster.required",
      "A node that is cut off from the database goes on accepting clients",
      "Revocations and bans of other nodes don't reach it, and its caps and rates count its own clients only",
      "Set it to true where no revocation may be missed; the node then refuses new clients",
    )];
  }
  if (cluster.stale_after <= LONG_STALE_MS) return [];
  return [finding(
    "warning",
    "cluster.stale_after",
    `A node that is cut off from the database accepts clients for ${formatDuration(cluster.stale_after)}`,
    "Revocations and bans of other nodes don't reach it in that time",
    `Lower it to at most ${formatDuration(LONG_STALE_MS)}; a failover takes some seconds`,
  )];
}
