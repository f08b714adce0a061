/** What the system grants to the server, and what follows for its connections. */
import { countDescriptors, type Descriptors } from "../base/descriptors.ts";
import { type SystemLimits, UNKNOWN_LIMITS } from "../base/system_limits.ts";
import { frontCapacity } from "../config/admits.ts";
import type { Config } from "../config/config.ts";
import { systemFindings } from "../config/findings/system.ts";
import type { Log } from "../log/log.ts";

/** Fewer are not enough to start anything with: the platform would end the process somewhere on the way. */
const LEAST_DESCRIPTORS = 32;

/** Beside connections and the reserve: the operators' connections, cells that are started again, files that are read anew. */
const OWN_DESCRIPTORS = 32;

/** The kernel caps the number itself too (net.core.somaxconn). */
const MAX_BACKLOG = 4096;
const MIN_BACKLOG = 16;

/** So many descriptors are counted at most; it takes a second or two. */
const MOST_COUNTED = 200_000;

/** @throws {Error} when there are too few descriptors to start with */
export function requireDescriptors(): void {
  const count = countDescriptors(LEAST_DESCRIPTORS);
  if (count < LEAST_DESCRIPTORS) {
    throw new Error(`Only ${count} more files can be opened: raise the limit of open files (LimitNOFILE=, ulimit -n)`);
  }
}

/** What is known of the system; how many files may be open is counted where nobody says it, and null when there are enough. */
export function knownLimits({ server }: Config, limits: SystemLimits = UNKNOWN_LIMITS): SystemLimits {
  if (limits.openFiles !== null) return limits;
  const most = Math.min(frontCapacity(server.max_connections) + OWN_DESCRIPTORS, MOST_COUNTED);
  const count = countDescriptors(most);
  return { ...limits, openFiles: count < most ? count : null };
}

/** What a front may take. */
export interface Room {
  /** TCP connections at a time. */
  readonly capacity: number;
  /** Connections that the kernel may keep ready: the platform accepts them all before it gives any back. */
  readonly backlog: number;
}

/**
 * What there are descriptors for, at most what is configured. One line of the log says what is configured and can't be had.
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
  // Where that leaves nothing, few are better than none.
  const capacity = Math.max(free - OWN_DESCRIPTORS - backlog, Math.ceil(free / 4), 1);
  return { capacity: Math.min(wanted, capacity), backlog };
}
