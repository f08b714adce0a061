/** The public URL of the server. */
import type { Config } from "../config/config.ts";

/** The URL that clients connect to, with the bound `port`. */
export function publicUrl({ tls, server }: Config, port: number): string {
  if (server.unix !== undefined) return `unix:${server.unix}`;
  const host = server.host.includes(":") ? `[${server.host}]` : server.host;
  return `${tls ? "wss" : "ws"}://${host}:${port}${server.path}`;
}
