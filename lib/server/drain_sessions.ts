/** Ends all sessions within the configured drain time. */
import type { Cluster } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import { reconnectDelays } from "../limits/limits.ts";
import type { Log } from "../log/log.ts";
import type { Registry, Session } from "../session/session.ts";

/** Reconnections are spread over at least this time; see {@linkcode reconnectDelays}. */
const MIN_RECONNECT_SPREAD_MS = 5_000;
/**
 * Moments within `drain_timeout`, as parts of it: the least end of the spread of clients that move, the end of their
 * service, the end of waiting for pending calls, and of closing handshakes. The rest is for the end of the process.
 */
const SPREAD_PART = 0.4;
const SERVICE_PART = 0.6;
const ANSWERING_PART = 0.8;
const CLOSING_PART = 0.95;
/** The time for a client to open its next connection. */
const MOVING_PART = SERVICE_PART - SPREAD_PART;
/** Requests that a client sent within the time it was told are still read. */
const TRANSIT_PART = 0.05;
const LOOK_MS = 10;

export interface DrainDeps {
  readonly config: Config;
  readonly log: Log;
  readonly registry: Registry<Session>;
  readonly cluster: { readonly control: Pick<Cluster["control"], "nodes"> };
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/**
 * Tells every client when to reconnect, waits for pending answers, closes with 1001 `draining`, and finally cuts the
 * remaining connections. Resolves within `server.drain_timeout`.
 *
 * With `server.reuse_port`, another process takes the new connections. Each session then goes on until its client has
 * had time to move there. Otherwise idle sessions end at once, because the next process starts when this one has ended.
 */
export async function drainSessions(deps: DrainDeps): Promise<void> {
  const { config, log, registry, monotonic } = deps;
  const started = monotonic();
  log.info("drain.started", { connections: registry.size });
  const timeout = config.server.drain_timeout;
  if (config.server.reuse_port) await letMove(deps, started);
  else {
    // Without another node, a client that comes back before this one has ended finds nothing.
    for (const [session, delay] of delaysOf(deps, othersOf(deps) > 0 ? 0 : timeout)) {
      session.announce(delay);
      session.drain();
    }
  }
  if (!await emptied(deps, started + timeout * ANSWERING_PART)) {
    for (const session of registry.all()) session.end("draining");
    if (!await emptied(deps, started + timeout * CLOSING_PART)) {
      for (const session of registry.all()) session.terminate();
    }
  }
  log.info("drain.finished", { connections: registry.size, duration_ms: Math.round(monotonic() - started) });
}

/** Serves each session until its client has had time to reconnect, then stops reading from it. */
async function letMove(deps: DrainDeps, started: number): Promise<void> {
  const timeout = deps.config.server.drain_timeout;
  const moments: [Session, number][] = [];
  for (const [session, delay] of delaysOf(deps, timeout * SPREAD_PART)) {
    const servedMs = Math.round(Math.min(delay + timeout * MOVING_PART, timeout * SERVICE_PART));
    session.announce(delay, servedMs);
    moments.push([session, started + servedMs + timeout * TRANSIT_PART]);
  }
  for (const [session, moment] of moments.sort(([, a], [, b]) => a - b)) {
    if (await emptied(deps, moment)) return;
    session.drain();
  }
}

function delaysOf(deps: DrainDeps, leastMs: number): Map<Session, number> {
  const limits = spreadOver(Math.max(1, othersOf(deps)), deps.config.limits);
  return reconnectDelays(deps.registry.all(), limits, Math.max(MIN_RECONNECT_SPREAD_MS, leastMs), Math.random);
}

/** The number of other nodes that take the clients. */
function othersOf({ cluster }: DrainDeps): number {
  return cluster.control.nodes().filter(({ own, draining }) => !own && !draining).length;
}

/** Each node has a bucket of its own for the handshakes of an address; those of a user are shared. */
function spreadOver(nodes: number, { handshake, handshake_user }: Config["limits"]) {
  return { handshake: { rate: handshake.rate * nodes, burst: handshake.burst * nodes }, handshake_user };
}

/** Whether all sessions have ended by that moment of the monotonic clock. */
async function emptied({ registry, monotonic }: DrainDeps, deadline: number): Promise<boolean> {
  while (registry.size > 0) {
    if (monotonic() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}
