/** Limits of the system and the resulting connection capacity. */
import { countDescriptors, type Descriptors } from "../base/descriptors.ts";
import { type SystemLimits, UNKNOWN_LIMITS } from "../base/system_limits.ts";
import { type Config, frontCapacity } from "../config/config.ts";
import { systemFindings } from "../config/findings/findings.ts";
import type { Log } from "../log/log.ts";

/** Minimum number of descriptors to start; with fewer the platform ends the process during the start. */
const LEAST_DESCRIPTORS = 32;

/** Descriptors besides connections and the reserve: operators' connections, restarted cells, files read again. */
const OWN_DESCRIPTORS = 32;

/** The kernel has a cap of its own (net.core.somaxconn). */
const MAX_BACKLOG = 4096;
const MIN_BACKLOG = 16;

/** Maximum number of descriptors that are counted; it takes a second or two. */
const MOST_COUNTED = 200_000;

/** @throws {Error} if there are too few descriptors to start */
export function requireDescriptors(): void {
  const count = countDescriptors(LEAST_DESCRIPTORS);
  if (count < LEAST_DESCRIPTORS) {
    throw new Error(`Only ${count} more files can be opened: raise the limit of open files (LimitNOFILE=, ulimit -n)`);
  }
}

/**
 * Limits of the system. Where the limit of open files is unknown, free descriptors are counted; null when there are
 * enough.
 */
export function knownLimits({ server }: Config, limits: SystemLimits = UNKNOWN_LIMITS): SystemLimits {
  if (limits.openFiles !== null) return limits;
  const most = Math.min(frontCapacity(server.max_connections) + OWN_DESCRIPTORS, MOST_COUNTED);
  const count = countDescriptors(most);
  return { ...limits, openFiles: count < most ? count : null };
}

/** Capacity of a front. */
export interface Room {
  /** Maximum number of TCP connections. */
  readonly capacity: number;
  /** Connections that the kernel may queue. The platform accepts them all before it closes any. */
  readonly backlog: number;
}

/**
 * The capacity that the descriptors allow, at most the configured one. A log line reports a configured capacity that is
 * not available.
 */
export function roomFor(
  config: Config,
  { descriptors, limits, log }: { descriptors: Descriptors; limits: SystemLimits; log: Log },
): Room {
  const { max_connections } = config.server;
  const wanted = frontCapacity(max_connections);
  const free = descriptors.available(Math.min(wanted + OWN_DESCRIPTORS + MAX_BACKLOG, MOST_COUNTED));
  const openFiles = limits.openFiles ?? (free < Math.min(wanted + OWN_DESCRIPTORS, MOST_COUNTED) ? free : null);
  for (const { what, remedy } of systemFindings(config, { ...limits, openFiles })) {
    log.warn("limits.exceed_system", { what, remedy });
  }
  const left = free - wanted - OWN_DESCRIPTORS;
  const backlog = Math.min(MAX_BACKLOG, Math.max(MIN_BACKLOG, left));
  // A few connections are better than none.
  const capacity = Math.max(free - OWN_DESCRIPTORS - backlog, Math.ceil(free / 4), 1);
  return { capacity: Math.min(wanted, capacity), backlog };
}
