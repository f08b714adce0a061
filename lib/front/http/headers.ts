/** Headers of every HTTP response of the public port, and common responses. */

import type { Config } from "../../config/config.ts";
import { type Refusal, refuse } from "../../gate/gate.ts";
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
 * The response to a {@linkcode Refusal}: `{"error": reason}`, without its `detail`. The connection ends after it, so that
 * no pipelined request is answered.
 */
export function refusalResponse({ status, reason, headers, retryAfter }: Refusal, config: Config): Response {
  const retry = retryAfter === undefined ? {} : { "Retry-After": String(Math.max(1, Math.ceil(retryAfter))) };
  return new Response(JSON.stringify({ error: reason }), {
    status,
    headers: {
      ...securityHeaders(config),
      ...headers,
      ...retry,
      "Content-Type": "application/json",
      "Connection": "close",
    },
  });
}

/** The response when the server itself failed. The log has the error. */
export function internalError(config: Config): Response {
  return refusalResponse(refuse("internal"), config);
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
