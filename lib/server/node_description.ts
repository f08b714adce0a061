/** The description that a node gives the others of itself: a name for operators, and a digest of what all nodes must have in common. */
import { createHash } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { HandlerModule } from "../sandbox/sandbox.ts";

/** Length of {@linkcode fingerprintOf} in hexadecimal digits. */
const DIGITS = 16;

/**
 * The name of this machine, or the host that it listens on. `Deno.hostname` needs a permission that the front does not
 * have. Files are readable until the server listens.
 */
export function machineName({ server }: Pick<Config, "server">, path = "/etc/hostname"): string {
  try {
    return Deno.readTextFileSync(path).trim().slice(0, 253) || server.host;
  } catch {
    return server.host;
  }
}

/**
 * A digest of the settings that all nodes must have in common: with different ones, it depends on the node which
 * clients are admitted, what they may send, and what they receive. Paths, addresses and caps of one node may differ.
 */
export function fingerprintOf(config: Config, modules: ReadonlyMap<string, HandlerModule>): string {
  const { admission, auth, limits, messages, server, topics } = config;
  const { algorithms, issuer, audience, clock_skew, max_age, sources, cookie, roles_claim, required_role } = auth;
  const { max_subscriptions_per_session } = topics;
  const common = {
    admission: { ...admission, origins: [...admission.origins].sort() },
    auth: { algorithms, issuer, audience, clock_skew, max_age, sources, cookie, roles_claim, required_role },
    limits,
    messages,
    server: {
      max_connections_per_user: server.max_connections_per_user,
      max_session: server.max_session,
      idle_timeout: server.idle_timeout,
    },
    topics: { max_subscriptions_per_session },
    modules: new Map([...modules].map(([subprotocol, { contract }]) => [subprotocol, contract])),
  };
  return createHash("sha256").update(JSON.stringify(common, inOrder)).digest("hex").slice(0, DIGITS);
}

/** Replacer for JSON that does not depend on the order of keys. */
function inOrder(_key: string, value: unknown): unknown {
  if (value instanceof Map) return inOrder("", Object.fromEntries(value));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
}
