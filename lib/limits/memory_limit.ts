/** How much of the memory that the service may use is used. */
import { getHeapStatistics } from "node:v8";
import type { SystemLimits } from "../base/system_limits.ts";

/** One limit, and how much is used of it, in bytes. */
export interface MemoryLimit {
  readonly bytes: number;
  readonly used: () => number;
}

/**
 * The limits that hold for this process: V8's for its heap, and that of the control group, which is also how a unit's
 * `MemoryMax` and a container's limit take effect.
 *
 * @param others bytes used by the other processes of the control group
 */
export function memoryLimits({ memoryBytes }: SystemLimits, others: () => number = () => 0): MemoryLimit[] {
  const heap = { bytes: getHeapStatistics().heap_size_limit, used: () => Deno.memoryUsage().heapUsed };
  return memoryBytes === null ? [heap] : [heap, { bytes: memoryBytes, used: () => Deno.memoryUsage().rss + others() }];
}

/** The part used of the limit that is nearest to being reached: 1 is all of it. 0 where there is no limit. */
export function memoryShare(limits: readonly MemoryLimit[]): number {
  return limits.reduce((most, { bytes, used }) => Math.max(most, used() / bytes), 0);
}
