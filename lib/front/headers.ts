/** What every HTTP answer of the public port carries, and the answers that are alike everywhere. */

import { createHash } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Refusal } from "./front.ts";

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

/** A page that may run only its own inline scripts and styles, and connect only to where it came from. */
export function pageResponse(html: string, config: Config): Response {
  return new Response(html, {
    headers: {
      ...securityHeaders(config),
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": contentSecurityPolicy(html),
      "Referrer-Policy": "no-referrer",
    },
  });
}

const INLINE_SCRIPT_REGEXP = /<script(?: type="module")?>([^]*?)<\/script>/g;
const INLINE_STYLE_REGEXP = /<style>([^]*?)<\/style>/g;

/**
 * A policy without `unsafe-*`: the inline scripts and styles of the page are named by their hashes (CSP 3, 6.7.3), all
 * else comes from the page's origin or not at all.
 */
export function contentSecurityPolicy(html: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashes(html, INLINE_SCRIPT_REGEXP)}`,
    `style-src ${hashes(html, INLINE_STYLE_REGEXP)}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashes(html: string, inline: RegExp): string {
  const found = [...html.matchAll(inline)].map(([, text]) => `'sha256-${sha256(text ?? "")}'`);
  return found.length > 0 ? found.join(" ") : "'none'";
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
