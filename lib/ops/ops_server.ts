/** The operators' server: health, readiness, metrics, administration. */
import { decodeDocument } from "../base/utf8.ts";
import { isIP } from "node:net";
import { digest, equalSecrets } from "../base/equal_secrets.ts";
import { AdminError, isAdminPath } from "./admin.ts";
import { type AdminAnswer, attempt } from "./attempt.ts";
import { exceedsDepth } from "../rpc/json_scan.ts";
import { BoundedHttpServer } from "./http_server.ts";
import type { Log } from "../log/log.ts";
import type { Scrape } from "../telemetry/metrics.ts";
import { mergeAnswers, mergeConditions } from "./merged_answers.ts";
import { mergeScrapes } from "./merged_metrics.ts";
import type { Conditions, OpsTarget } from "./ops_target.ts";
import type { OtherFronts } from "./other_fronts.ts";

const MAX_BODY_BYTES = 64 * 1024;
/** Maximum nesting of objects and lists in a body. */
const MAX_LEVELS = 64;
const BODY_DEADLINE_MS = 5000;

export interface OpsServerOptions {
  hostname: string;
  /** 0 selects a free port. */
  port: number;
  version: string;
  metrics: Scrape;
  target: OpsTarget;
  log: Log;
  /** Without a token there is no administration: its paths are 404. */
  adminToken?: string;
  /** The other fronts of the service, for which this one speaks. */
  others?: OtherFronts;
  now?: () => number;
}

export interface OpsServer {
  /** `http://HOST:PORT`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the operators' server: `/healthz`, `/readyz` and `/metrics` without authentication, administration with the
 * admin token. It is meant for loopback. Against requests that a web page causes in an operator's browser, it refuses
 * every request with an `Origin` or from another site, and every `Host` that is a DNS name, which could be rebound to
 * this address. A connection carries one request; there are at most 16 connections.
 *
 * @throws {Error} if the address can't be bound
 */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const startedAt = (options.now ?? Date.now)();
  const server = new BoundedHttpServer({
    handle: (request, ip) => handle(request, ip, options, startedAt),
    failed: (error) => {
      options.log.error("ops.failed", { error });
      return answer(500, { error: "internal" });
    },
    refused: (status) => answer(status, { error: status === 405 ? "method_not_allowed" : "bad_request" }),
  });
  const { hostname } = options;
  await server.start({ host: hostname, port: options.port });
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    close: () => server.close(),
  };
}

async function handle(request: Request, ip: string, options: OpsServerOptions, startedAt: number): Promise<Response> {
  const refused = foreign(request, options.hostname);
  if (refused) {
    options.log.warn("admin.rejected", { ip, reason: refused, host: request.headers.get("host") });
    return answer(403, { error: refused });
  }
  const path = new URL(request.url).pathname;
  if (path === "/healthz" || path === "/readyz" || path === "/metrics") {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer(405, { error: "method_not_allowed" }, { allow: "GET, HEAD" });
    }
    if (path === "/metrics") return text(await scrape(options), options.metrics.contentType);
    return path === "/healthz" ? health(options, startedAt) : await readiness(options);
  }
  if (options.adminToken === undefined || !isAdminPath(path)) return answer(404, { error: "not_found" });
  return await authorised(request, path, ip, options, options.adminToken);
}

/** The answer of `/healthz`: uptime and permissions of the process. */
function health(options: OpsServerOptions, startedAt: number): Response {
  const uptime = Math.floor(((options.now ?? Date.now)() - startedAt) / 1000);
  return answer(200, {
    status: "ok",
    version: options.version,
    uptime_seconds: uptime,
    permissions: options.target.permissions(),
  });
}

/** The metrics of this front, or of all. */
async function scrape({ metrics, others }: OpsServerOptions): Promise<string> {
  if (others === undefined) return await metrics.text();
  const asked = others.ask({ method: "GET", path: "/metrics" }, (text) => text);
  return mergeScrapes(new Map([[others.own, await metrics.text()], ...await asked]));
}

/** Ready when every front is. */
async function readiness({ target, others }: OpsServerOptions): Promise<Response> {
  const asked = others?.ask({ method: "GET", path: "/readyz" }, (text) => JSON.parse(text) as Conditions);
  const own = await target.ready();
  const conditions = others && asked ? mergeConditions(new Map([[others.own, own], ...await asked])) : own;
  const ready = Object.values(conditions).every(Boolean);
  return answer(ready ? 200 : 503, { ready, conditions });
}

async function authorised(
  request: Request,
  path: string,
  ip: string,
  options: OpsServerOptions,
  adminToken: string,
): Promise<Response> {
  const given = /^Bearer ([^\s]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (given === undefined || !await equalSecrets(given, adminToken)) {
    const reason = given === undefined ? "token_missing" : "token_invalid";
    options.log.warn("admin.rejected", { ip, reason, method: request.method, path });
    return answer(401, { error: reason }, { "www-authenticate": "Bearer" });
  }
  const caller = { ip, admin: await fingerprint(adminToken) };
  let result: AdminAnswer;
  try {
    result = await administerAll(request, path, options);
  } catch (error) {
    options.log.error("admin.failed", { ...caller, method: request.method, path, error });
    return answer(500, { error: "internal" });
  }
  const { status, body, allow, logged } = result;
  if (status >= 400) {
    options.log.warn("admin.rejected", { ...caller, reason: body["error"], method: request.method, path });
  }
  if (logged) options.log.info("admin.action", { ...caller, ...logged });
  return answer(status, body, allow === undefined ? {} : { allow });
}

/** Statuses of a request that is wrong for every front. */
const WRONG_REQUEST = [400, 405, 408, 413];

/** Executes a request here, and on the other fronts where it concerns them. */
async function administerAll(request: Request, path: string, options: OpsServerOptions): Promise<AdminAnswer> {
  const { method } = request;
  let body: unknown;
  const own = await attempt({ method, path, body: async () => body = await readJson(request) }, options.target);
  const { others } = options;
  if (others === undefined || WRONG_REQUEST.includes(own.status) || !others.concerns(path, own)) return own;
  const answers = await others.ask({ method, path, body }, (text) => JSON.parse(text) as AdminAnswer);
  return mergeAnswers(new Map([[others.own, own], ...answers]));
}

/** Identifies an admin token in the log after a change. A digest of 256 random bits does not reveal them. */
async function fingerprint(adminToken: string): Promise<string> {
  return (await digest(adminToken)).subarray(0, 4).toHex();
}

/** The reason for which a request may come from a web page instead of an operator's tool, or null. */
function foreign(request: Request, bound: string): "origin_not_allowed" | "host_not_allowed" | null {
  if (request.headers.has("origin")) return "origin_not_allowed";
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "none") return "origin_not_allowed";
  const host = hostname(request.headers.get("host"));
  if (host === null) return "host_not_allowed";
  // An address can't be rebound. Any port is accepted, because it may be forwarded.
  return isIP(host) !== 0 || host === "localhost" || host === bound.toLowerCase() ? null : "host_not_allowed";
}

function hostname(host: string | null): string | null {
  const url = host === null ? null : URL.parse(`http://${host}`);
  return url ? url.hostname.replace(/^\[|\]$/g, "") : null;
}

/**
 * Reads at most 64 KiB of JSON, of at most 64 levels, within 5 s, whatever its declared type.
 *
 * @throws {AdminError} with status 408, 413 or 400
 */
async function readJson(request: Request): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw new AdminError(413, "body_too_large");
  const reader = request.body?.getReader();
  const timer = setTimeout(() => reader?.cancel("timeout"), BODY_DEADLINE_MS);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const startedAt = performance.now();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      size += next.value.length;
      if (size > MAX_BODY_BYTES) throw new AdminError(413, "body_too_large");
      chunks.push(next.value);
    }
  } finally {
    clearTimeout(timer);
    await reader?.cancel().catch(() => {});
  }
  if (performance.now() - startedAt >= BODY_DEADLINE_MS) throw new AdminError(408, "timeout");
  try {
    const text = decodeDocument(await new Blob(chunks as BlobPart[]).bytes());
    // The schemas are recursive.
    if (!exceedsDepth(text, MAX_LEVELS)) return JSON.parse(text);
  } catch {
    // Answered below.
  }
  throw new AdminError(400, "bad_request");
}

function text(body: string, contentType: string): Response {
  return new Response(body, { headers: { ...HEADERS, "content-type": contentType } });
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body) + "\n", {
    status,
    headers: { ...HEADERS, "content-type": "application/json", ...headers },
  });
}

const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
