/** Maps the configuration to the settings of the limits. */
import { type Config, isLoopback } from "../config/config.ts";
import type { LimitSettings } from "../limits/limits.ts";

const LOOPBACK: readonly string[] = ["127.0.0.0/8", "::1"];

/**
 * The settings of `[limits]` with the addresses that many clients share: those of proxies, and loopback where the
 * server runs without TLS, because a proxy on this machine may not forward addresses.
 */
export function limitSettings({ limits, server, tls }: Config): LimitSettings {
  const behindProxy = server.unix !== undefined || (tls === undefined && isLoopback(server.host));
  return { ...limits, shared: [...server.trusted_proxies, ...(behindProxy ? LOOPBACK : [])] };
}
