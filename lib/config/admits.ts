/** The maximum load that a configuration admits. */
import { cellCount, coresOfFront } from "./cells.ts";
import type { Config } from "./schema.ts";

/**
 * Bytes that one connection holds beside its message and its send queue: the chunk being read and the one being
 * written.
 */
export const CHUNKS_BYTES = 128 * 1024;

export interface Admits {
  /** Sustained messages a second with all connections at their limit. */
  readonly messages_per_second: number;
  /** Sustained bytes of messages a second. */
  readonly bytes_per_second: number;
  /** Bytes of buffers and handler heaps; null where the engine has no bound. */
  readonly memory_bytes: number | null;
  /** Messages a second of one user on all connections, and of one address. */
  readonly user_messages_per_second: number;
  readonly ip_messages_per_second: number;
  /** Subscriptions to topics, and bytes of memory that they take beside `memory_bytes`. */
  readonly subscriptions: number;
  readonly subscription_bytes: number;
}

/** Memory of one subscription, when it is the only one of its topic: name, entries in two tables, judgement. */
const SUBSCRIPTION_BYTES = 640;

/**
 * Computes the maximum of all fronts: every connection open, each of another user at another address, each sending as
 * much as its buckets allow. `cores` is used for `cells = 0`.
 */
export function admitsAtMost(config: Config, cores: number): Admits {
  const { server, messages, topics, limits } = config;
  const { fronts } = server;
  const perConnection = Math.min(limits.connection.rate, limits.user.rate, limits.ip.rate);
  const bytesPerConnection = Math.min(limits.connection.bytes_rate, perConnection * messages.max_bytes);
  const buffers = messages.max_bytes + CHUNKS_BYTES + server.send_queue;
  const own = coresOfFront(cores, fronts);
  const heaps = config.handlers.reduce((sum, handler) => sum + cellCount(handler, own) * handler.memory, 0);
  const subscriptions = fronts * Math.min(
    topics.max_subscriptions,
    config.handlers.length * topics.max_subscriptions_per_module,
    server.max_connections * topics.max_subscriptions_per_session,
  );
  const ofOneIp = fronts * Math.min(server.max_connections, server.max_connections_per_ip);
  const ofOneUser = Math.min(fronts * server.max_connections, server.max_connections_per_user);
  return {
    messages_per_second: fronts * server.max_connections * perConnection,
    bytes_per_second: fronts * server.max_connections * bytesPerConnection,
    memory_bytes: server.engine === "serve" ? null : fronts * (server.max_connections * buffers + heaps),
    // The bucket of one address does not limit a user with many addresses; an address may have many users.
    user_messages_per_second: Math.min(limits.user.rate, ofOneUser * Math.min(limits.connection.rate, limits.ip.rate)),
    ip_messages_per_second: Math.min(limits.ip.rate, ofOneIp * Math.min(limits.connection.rate, limits.user.rate)),
    subscriptions,
    subscription_bytes: subscriptions * SUBSCRIPTION_BYTES,
  };
}

/** The connections that a front accepts: more than are admitted, so that the rest can be answered `server_full`. */
export function frontCapacity(maxConnections: number): number {
  return maxConnections + Math.max(64, Math.ceil(maxConnections / 10));
}
