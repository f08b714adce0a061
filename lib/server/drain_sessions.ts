/** Ends all sessions within the configured drain time. */
import type { Cluster } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import { reconnectDelays } from "../limits/limits.ts";
import type { Log } from "../log/log.ts";
import type { Registry, Session } from "../session/session.ts";

/** Reconnections are spread over at least this time; see {@linkcode reconnectDelays}. */
const MIN_RECONNECT_SPREAD_MS = 5_000;
/** Parts of `drain_timeout`: for pending calls, then for closing handshakes. The rest is for the end of the process. */
const ANSWERING_PART = 0.8;
const CLOSING_PART = 0.15;
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
 */
export async function drainSessions({ config, log, registry, cluster, monotonic }: DrainDeps): Promise<void> {
  const started = monotonic();
  log.info("drain.started", { connections: registry.size });
  const others = cluster.control.nodes().filter(({ own, draining }) => !own && !draining).length;
  // Without another node, a client that comes back before this one has ended finds nothing.
  const least = others > 0 ? MIN_RECONNECT_SPREAD_MS : Math.max(MIN_RECONNECT_SPREAD_MS, config.server.drain_timeout);
  const delays = reconnectDelays(registry.all(), spreadOver(Math.max(1, others), config.limits), least, Math.random);
  for (const [session, delay] of delays) session.drain(delay);
  await emptyRegistry(registry, config.server.drain_timeout, monotonic);
  log.info("drain.finished", { connections: registry.size, duration_ms: Math.round(monotonic() - started) });
}

/** Each node has a bucket of its own for the handshakes of an address; those of a user are shared. */
function spreadOver(nodes: number, { handshake, handshake_user }: Config["limits"]) {
  return { handshake: { rate: handshake.rate * nodes, burst: handshake.burst * nodes }, handshake_user };
}

/** Waits until all sessions have ended; closes, then cuts the slow ones. */
async function emptyRegistry(registry: Registry<Session>, timeout: number, monotonic: () => number): Promise<void> {
  if (await emptied(registry, timeout * ANSWERING_PART, monotonic)) return;
  for (const session of registry.all()) session.end("draining");
  if (await emptied(registry, timeout * CLOSING_PART, monotonic)) return;
  for (const session of registry.all()) session.terminate();
}

/** Whether all sessions ended within the time. */
async function emptied(registry: Registry<Session>, milliseconds: number, monotonic: () => number): Promise<boolean> {
  const deadline = monotonic() + milliseconds;
  while (registry.size > 0) {
    if (monotonic() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}
