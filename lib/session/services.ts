/** The parts of the server that sessions use. */
import type { Config } from "../config/config.ts";
import type { Verified } from "../gate/gate.ts";
import type { Hub } from "../hub/hub.ts";
import type { Limits, Turns } from "../limits/limits.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { TimingWheel } from "../timing/timing_wheel.ts";
import type { Documents } from "./documents.ts";
import type { Later } from "./intake.ts";

/** Services that all sessions of a server share. */
export interface SessionServices {
  /** The configuration in force; a reload replaces it. */
  readonly config: Config;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly tracing: Tracing;
  readonly limits: Limits;
  readonly turns: Turns;
  readonly hub: Hub;
  readonly deadlines: TimingWheel;
  readonly documents: Documents;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Schedules requests that wait for tokens. Default: a timer of the platform. */
  readonly later?: Later;
  /** Verifies a token as admission does. */
  verify(token: string): Promise<Verified>;
}
