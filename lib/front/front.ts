/**
 * The front: everything between the network and an admitted connection.
 *
 * A front accepts, terminates TLS, parses the request head, asks the `Gate` and, after an accept, turns bytes
 * into messages for a `SocketSink` and calls of a `Socket` into bytes. Two engines implement these
 * interfaces: `edge` (our own accept loop, deadlines and framing) and `serve` (`Deno.serve` with
 * `Deno.upgradeWebSocket`). The code behind the front is the same for both.
 */

import type { Descriptors } from "../base/descriptors.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { TlsMaterial } from "../tls/tls_files.ts";

export interface FrontDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Absent without TLS. */
  readonly tls?: TlsMaterial;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** TCP connections above this number are closed without TLS (`edge` only). */
  readonly capacity: number;
  /** Connections that the kernel may queue (`edge` only). */
  readonly backlog: number;
  readonly descriptors: Descriptors;
  /** Runs a function after all input has been polled ({@linkcode Polls.after}). */
  readonly afterInput: (run: () => void) => void;
}

/** A running front. */
export interface Front {
  /** The bound port; 0 on a unix socket. */
  readonly port: number;
  /**
   * Stops accepting. Open connections stay, and pending handshakes are finished. `serve`, whose listener can't be
   * stopped alone, answers upgrades with 503 `draining` from now on.
   */
  stopAccepting(): Promise<void>;
  /**
   * Serves the new certificate to new connections; open ones stay.
   *
   * @throws {Error} if the material is unusable, or the engine can't replace it (`serve`); the old one then stays
   */
  reloadTls(tls: TlsMaterial): Promise<void>;
  /** Stops accepting and cuts all open connections. */
  close(): Promise<void>;
  /** Tests whether a connection is accepted now, with an uncounted probe connection, at most once a second. */
  accepts(): Promise<boolean>;
  /** Number of open TCP connections in any state (`serve`: requests and WebSockets). */
  connections(): number;
}
