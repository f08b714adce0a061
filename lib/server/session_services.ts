/** Connects sessions to the parts of the server. */
import type { Verifier } from "../admission/admission.ts";
import type { Turns } from "../limits/limits.ts";
import type { TimingWheel } from "../timing/timing_wheel.ts";
import { Documents, type SessionServices } from "../session/session.ts";

/** The parts of the server that sessions use. A reload replaces configuration and verifier. */
type ServerParts =
  & Pick<
    SessionServices,
    "config" | "log" | "telemetry" | "tracing" | "limits" | "hub" | "now" | "monotonic"
  >
  & { readonly verifier: Verifier };

/** Creates the services for the sessions of `server`. */
export function sessionServices(server: ServerParts, deadlines: TimingWheel, turns: Turns): SessionServices {
  const { log, telemetry, tracing, limits, hub, now, monotonic } = server;
  return {
    get config() {
      return server.config;
    },
    log,
    telemetry,
    tracing,
    limits,
    turns,
    hub,
    deadlines,
    documents: new Documents(),
    now,
    monotonic,
    verify: (token) => server.verifier.verify(token),
  };
}
