/** What all connections of one edge share. */

import type { Config } from "../../config/config.ts";
import type { Gate } from "../../gate/gate.ts";
import type { Log } from "../../log/log.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { AddressSet } from "../forwarded.ts";
import type { DeadlineQueue } from "../../timing/deadline_queue.ts";
import type { Flusher } from "./flusher.ts";
import type { Bustle, Turnstile } from "../../timing/turnstile.ts";

export interface EdgeContext {
  readonly config: Config;
  readonly gate: Gate;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Whether we terminate TLS. */
  readonly secure: boolean;
  readonly trusted: AddressSet;
  /** From accept to the 101: `server.handshake_timeout`. */
  readonly handshakes: DeadlineQueue;
  /** From the peer's last word to ours: what is in flight may be answered meanwhile. */
  readonly finishings: DeadlineQueue;
  /** From our last word to the end of the connection. */
  readonly endings: DeadlineQueue;
  readonly flusher: Flusher;
  /**
   * TLS handshakes begin (those of suspects pass two), request heads are judged, what nobody wants is read, and who is not
   * let in is turned away.
   */
  readonly turnstiles: Readonly<Record<"tls" | "suspects" | "admission" | "drain" | "refusal", Turnstile>>;
  readonly bustle: Bustle;
}

/** How long the answers that a leaving client is owed may hold up the closing handshake, in ms. */
export const FINISHING_TIMEOUT = 500;

/** How long a peer may take to answer our close frame, or to read a refusal, in ms. */
export const ENDING_TIMEOUT = 3_000;
