import { type Config, isLoopback } from "../config/config.ts";
import type { LimitSettings } from "../limits/limits.ts";

const LOOPBACK: readonly string[] = ["127.0.0.0/8", "::1"];

/**
 * `[limits]`, with the addresses that many clients have in common: the proxies', and loopback where TLS ends before this
 * server, so that a proxy is there that perhaps forwards no address.
 */
export function limitSettings({ limits, server, tls }: Config): LimitSettings {
  const behindProxy = server.unix !== undefined || (tls === undefined && isLoopback(server.host));
  return { ...limits, shared: [...server.trusted_proxies, ...(behindProxy ? LOOPBACK : [])] };
}
