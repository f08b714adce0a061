/** What every HTTP answer of the public port carries, and the answers that are alike everywhere. */

import type { Config } from "../../config/config.ts";
import type { Refusal } from "../../gate/gate.ts";
import { pageContentSecurityPolicy, type PageFile } from "../page/page.ts";

/**
 * Headers of every answer: `Strict-Transport-Security` with TLS (RFC 6797 7.2 forbids it without), `nosniff`, and no
 * caching, for what is said here holds for this client and this moment only.
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

/** `{"error": reason}` with a status. The connection ends behind it, so that no pipelined request rides along. */
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

/** The answer to a {@linkcode Refusal}; its `detail` stays inside. */
export function refusalResponse(refusal: Refusal, config: Config): Response {
  const headers: Record<string, string> = { ...refusal.headers };
  if (refusal.retryAfter !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(refusal.retryAfter)));
  return errorResponse(config, refusal.status, refusal.reason, headers);
}

/** One file of a page, with the policy that holds for all of them. */
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
