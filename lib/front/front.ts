/**
 * The front doors: everything between the network and an admitted connection.
 *
 * A front accepts, terminates TLS, reads the request head, asks the `Gate` and, after an accept, turns bytes
 * into messages for a `SocketSink` and the calls on a `Socket` into bytes. Two engines stand behind
 * these interfaces: `edge` (our own accept loop, deadlines and framing) and `serve` (`Deno.serve` with
 * `Deno.upgradeWebSocket`). Everything behind the front is the same code for both.
 */

import type { Descriptors } from "../base/descriptors.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { TlsMaterial } from "../tls/tls_files.ts";

export interface FrontDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Absent: no TLS (`tls` absent in the configuration). */
  readonly tls?: TlsMaterial;
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** TCP connections beyond this are closed unheard (`edge` only). */
  readonly capacity: number;
  /** Connections that the kernel may keep ready (`edge` only). */
  readonly backlog: number;
  readonly descriptors: Descriptors;
  /** Runs a function after all input was looked at ({@linkcode Polls.after}). */
  readonly afterInput: (run: () => void) => void;
}

/** A running front. */
export interface Front {
  /** The port in fact bound; 0 on a unix socket. */
  readonly port: number;
  /**
   * Stops accepting; open connections stay, requests being admitted are finished. `serve`, whose listener can't end
   * alone, answers upgrades with 503 `draining` from now on.
   */
  stopAccepting(): Promise<void>;
  /**
   * New connections get the new certificate, open ones stay.
   * @throws {Error} when the material can't be used, or the engine can't change it (`serve`); the old one then stays.
   */
  reloadTls(tls: TlsMaterial): Promise<void>;
  /** Stops accepting and cuts whatever is still open. */
  close(): Promise<void>;
  /** Whether a connection made now is accepted; tried with one of our own that nobody counts, at most once a second. */
  accepts(): Promise<boolean>;
  /** Open TCP connections, whatever their state (`serve`: requests and WebSockets). */
  connections(): number;
}
