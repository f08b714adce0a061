/** Headers of every HTTP response of the public port, and common responses. */

import type { Config } from "../../config/config.ts";
import type { Refusal } from "../../gate/gate.ts";
import { pageContentSecurityPolicy, type PageFile } from "../page/page.ts";

/**
 * Headers of every response: `Strict-Transport-Security` with TLS (RFC 6797 7.2 forbids it without), `nosniff`, and no
 * caching, because responses depend on the client and the moment.
 */
export function securityHeaders(config: Config): Record<string, string> {
  const headers: Record<string, string> = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
  };
  if (config.tls !== undefined) {
    headers["Strict-Transport-Security"] = `max-age=${Math.floor(config.tls.hsts_max_age / 1000)}`;
  }
  return headers;
}

/**
 * A response `{"error": reason}` with a status. The connection ends after it, so that no pipelined request is answered.
 */
export function errorResponse(
  config: Config,
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify({ error: reason }), {
    status,
    headers: {
      ...securityHeaders(config),
      ...headers,
      "Content-Type": "application/json",
      "Connection": "close",
    },
  });
}

/** The response to a {@linkcode Refusal}, without its `detail`. */
export function refusalResponse(refusal: Refusal, config: Config): Response {
  const headers: Record<string, string> = { ...refusal.headers };
  if (refusal.retryAfter !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(refusal.retryAfter)));
  return errorResponse(config, refusal.status, refusal.reason, headers);
}

/** The response with a file of the page and its content security policy. */
export function pageResponse(file: PageFile, config: Config): Response {
  return new Response(file.body, {
    headers: {
      ...securityHeaders(config),
      "Content-Type": file.type,
      "Content-Security-Policy": pageContentSecurityPolicy,
      "Referrer-Policy": "no-referrer",
    },
  });
}
