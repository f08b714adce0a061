/** State that all connections of an edge share. */

import type { Config } from "../../config/config.ts";
import type { Gate } from "../../gate/gate.ts";
import type { Log } from "../../log/log.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { AddressMatcher } from "../forwarded.ts";
import type { DeadlineQueue } from "../../timing/deadline_queue.ts";
import type { Flusher } from "./flusher.ts";
import type { Bustle, Turnstile } from "../../timing/turnstile.ts";

export interface EdgeContext {
  readonly config: Config;
  readonly gate: Gate;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Whether the server terminates TLS. */
  readonly secure: boolean;
  readonly trusted: AddressMatcher;
  /** From accept to the 101: `server.handshake_timeout`. */
  readonly handshakes: DeadlineQueue;
  /** From the peer's close frame to ours; pending answers may be sent in between. */
  readonly finishings: DeadlineQueue;
  /** From our close frame or refusal to the end of the connection. */
  readonly endings: DeadlineQueue;
  readonly flusher: Flusher;
  /**
   * Queues for the start of TLS handshakes (those of suspects pass two), for judging request heads, for discarding
   * input, and for closing refused connections.
   */
  readonly turnstiles: Readonly<Record<"tls" | "suspects" | "admission" | "drain" | "refusal", Turnstile>>;
  readonly bustle: Bustle;
}

/** Maximum time for answers to a leaving client before the closing handshake, in ms. */
export const FINISHING_TIMEOUT_MS = 500;

/** Maximum time for a peer to answer our close frame, or to read a refusal, in ms. */
export const ENDING_TIMEOUT_MS = 3_000;
