/** The parts of the server that gate and sessions use. */
import type { OriginSet, Revocations, Tickets, Verifier } from "../admission/admission.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import type { Routes } from "../front/http/routes.ts";
import type { Limits, OverloadController } from "../limits/limits.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { HandlerModule } from "../sandbox/sandbox.ts";
import type { Registry, Session, SessionServices } from "../session/session.ts";

/** The parts of a running server that its gate uses. A reload replaces some of them. */
export interface Parts {
  readonly config: Config;
  /** `config.admission.origins`, compiled. */
  readonly origins: OriginSet;
  readonly verifier: Verifier;
  readonly draining: boolean;
  /** The node is cut off from the others for too long, or has not yet heard of their bans and revocations. */
  readonly cutOff: boolean;
  readonly cluster: Cluster;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly tracing: Tracing;
  readonly limits: Limits;
  readonly overload: OverloadController;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
  readonly modules: ReadonlyMap<string, HandlerModule>;
  readonly registry: Registry<Session>;
  readonly routes: Routes;
  readonly services: SessionServices;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}
