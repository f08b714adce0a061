import type { Session } from "node:inspector";

/** Microseconds of the kernel's `CLOCK_MONOTONIC` at a moment of `performance.now()`. */
export type MonotonicMicros = (at: number) => number;

interface CpuProfile {
  /** V8's own clock, microseconds. */
  readonly startTime: number;
}

const READINGS = 2;

/**
 * Finds out how far `performance.now()`, which starts with the process, is behind `CLOCK_MONOTONIC` (clock_gettime(2)), and
 * returns a clock that is right to some tens of microseconds. `/proc/uptime` does not do: it counts the time a machine was
 * suspended, and in hundredths of a second. V8 keeps its time by `CLOCK_MONOTONIC` and shows it in CPU profiles, so an
 * empty profile is taken, in about 15 ms.
 *
 * It needs the permission `sys`, for the inspector of this isolate; `performance.now()` goes on by the same clock, so the
 * permission can be given up afterwards.
 *
 * @throws {Error} Without the permission, or where V8 takes no profile.
 */
export async function openMonotonicClock(): Promise<MonotonicMicros> {
  const { Session } = await import("node:inspector");
  const session = new Session();
  session.connect();
  try {
    await post(session, "Profiler.enable");
    // Each reading is late by the time it takes to begin a profile; the least is the nearest.
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
