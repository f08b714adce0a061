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

/** What all sessions of a server share. */
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
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Runs what has to wait for its tokens; a timer of the platform by default. */
  readonly later?: Later;
  /** Verifies a token as admission does. */
  verify(token: string): Promise<Verified>;
}
