/** The used part of the memory that the service may use. */
import { getHeapStatistics } from "node:v8";
import type { SystemLimits } from "../base/system_limits.ts";

/** A limit and its use, in bytes. */
export interface MemoryLimit {
  readonly bytes: number;
  readonly used: () => number;
}

/**
 * The memory limits of this process: V8's heap limit, and that of the control group, which implements a unit's
 * `MemoryMax` and a container's limit.
 *
 * @param others bytes used by the other processes of the control group
 */
export function memoryLimits({ memoryBytes }: SystemLimits, others: () => number = () => 0): MemoryLimit[] {
  const heap = { bytes: getHeapStatistics().heap_size_limit, used: () => Deno.memoryUsage().heapUsed };
  return memoryBytes === null ? [heap] : [heap, { bytes: memoryBytes, used: () => Deno.memoryUsage().rss + others() }];
}

/** The used part of the limit that is nearest to being reached; 1 is all of it, 0 means that there is no limit. */
export function memoryShare(limits: readonly MemoryLimit[]): number {
  return limits.reduce((most, { bytes, used }) => Math.max(most, used() / bytes), 0);
}
