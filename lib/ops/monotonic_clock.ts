/** Reads the kernel's monotonic clock, which systemd requires at a reload. */
import type { Session } from "node:inspector";

/** The kernel's `CLOCK_MONOTONIC` in microseconds at a moment of `performance.now()`. */
export type MonotonicMicros = (at: number) => number;

interface CpuProfile {
  /** V8's clock in microseconds. */
  readonly startTime: number;
}

const READINGS = 2;

/**
 * Measures the offset of `performance.now()`, which starts with the process, from `CLOCK_MONOTONIC` (clock_gettime(2)),
 * and returns a clock with an error of some tens of microseconds. `/proc/uptime` is unsuitable: it includes the time of
 * suspension, and its resolution is a hundredth of a second. V8 uses `CLOCK_MONOTONIC` and shows it in CPU profiles, so
 * an empty profile is taken, in about 15 ms.
 *
 * The permission `sys` is required for the inspector of this isolate. It can be given up afterwards, because
 * `performance.now()` runs at the same rate.
 *
 * @throws {Error} without the permission, or if V8 takes no profile
 */
export async function openMonotonicClock(): Promise<MonotonicMicros> {
  const { Session } = await import("node:inspector");
  const session = new Session();
  session.connect();
  try {
    await post(session, "Profiler.enable");
    // Each reading is late by the start of a profile. The smallest difference is the most exact.
    let behind = Infinity;
    for (let i = 0; i < READINGS; i++) behind = Math.min(behind, await reading(session));
    return (at) => Math.round(behind + at * 1000);
  } finally {
    session.disconnect();
  }
}

async function reading(session: Session): Promise<number> {
  const before = performance.now();
  await post(session, "Profiler.start");
  const { profile } = await post(session, "Profiler.stop") as { profile: CpuProfile };
  if (!Number.isFinite(profile.startTime)) throw new TypeError("The CPU profile has no start time");
  return profile.startTime - before * 1000;
}

function post(session: Session, method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, (error: Error | null, result?: object) => error ? reject(error) : resolve(result));
  });
}
