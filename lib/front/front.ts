/**
 * The front doors: everything between the network and an admitted connection.
 *
 * A front accepts, terminates TLS, reads the request head, asks the {@linkcode Gate} and, after an accept, turns bytes
 * into messages for a {@linkcode SocketSink} and the calls on a {@linkcode Socket} into bytes. Two engines stand behind
 * these interfaces: `edge` (our own accept loop, deadlines and framing) and `serve` (`Deno.serve` with
 * `Deno.upgradeWebSocket`). Everything behind the front is the same code for both.
 */

import type { Descriptors } from "../base/descriptors.ts";
import type { Config } from "../config/config.ts";
import type { Gate } from "../gate/gate.ts";
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { startEdge } from "./edge/edge.ts";
import { startServe } from "./deno_serve/deno_serve.ts";

/** PEM text of a certificate chain and its private key. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

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
  readonly engine: "edge" | "serve";
  readonly hostname: string;
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

/**
 * Starts the front named by `server.engine`.
 *
 * @throws {Error} when the address can't be bound or the TLS material can't be used.
 */
export function startFront(config: Config, gate: Gate, deps: FrontDeps): Promise<Front> {
  return config.server.engine === "serve" ? startServe(config, gate, deps) : startEdge(config, gate, deps);
}
