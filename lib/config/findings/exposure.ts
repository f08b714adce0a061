/** Findings about network exposure and file permissions. */
import { type Finding, finding, type FindingContext } from "./finding.ts";
import type { Config } from "../schema.ts";
import { isLoopback } from "../texts.ts";
import { formatDuration } from "../units.ts";

/** Half a year, the minimum that preload lists and scanners accept. */
const HSTS_MIN_MS = 180 * 86_400_000;

export function exposureFindings(config: Config, context: FindingContext): Finding[] {
  return [
    ...listenerFindings(config),
    ...proxyFindings(config),
    ...opsFindings(config),
    ...fileFindings(config, context),
  ];
}

function listenerFindings({ server, tls }: Config): Finding[] {
  const findings: Finding[] = [];
  if (server.unix === undefined && !isLoopback(server.host)) {
    findings.push(finding(
      "note",
      "server.host",
      `The server listens on ${server.host}, and other machines can reach it`,
      "The default, 127.0.0.1, is reachable from this machine only",
      "Let the firewall pass only the port that clients use",
    ));
  }
  if (tls === undefined && server.unix === undefined) {
    findings.push(finding(
      "note",
      "tls",
      "The server speaks without TLS, on loopback only",
      "A user of this machine that may capture loopback traffic can read the tokens",
      "Behind a proxy on this machine no change is needed; otherwise configure [tls]",
    ));
  }
  if (tls !== undefined && tls.hsts_max_age < HSTS_MIN_MS) {
    findings.push(finding(
      "warning",
      "tls.hsts_max_age",
      tls.hsts_max_age === 0 ? "Strict-Transport-Security is off" : `${formatDuration(tls.hsts_max_age)} is short`,
      "Browsers forget that the host is https only, and can be led to http again",
      "Set it to 365d once https works",
    ));
  }
  return findings;
}

function proxyFindings({ server, limits, tls }: Config): Finding[] {
  const findings: Finding[] = [];
  const everyone = (blocks: readonly string[]) => blocks.find((block) => block.endsWith("/0"));
  const trusted = everyone(server.trusted_proxies);
  if (trusted !== undefined) {
    findings.push(finding(
      "error",
      "server.trusted_proxies",
      `${trusted} is every address`,
      "Every client could claim any address, so that caps, limits and bans by address do nothing",
      "Name the addresses of the proxies only",
    ));
  }
  const spared = everyone(limits.never_ban);
  if (spared !== undefined) {
    findings.push(finding(
      "warning",
      "limits.never_ban",
      `${spared} is every address`,
      "No address is ever banned",
      "Name only addresses you know, such as those of your monitoring",
    ));
  }
  if (tls === undefined && server.unix === undefined && server.trusted_proxies.length === 0) {
    findings.push(finding(
      "warning",
      "server.trusted_proxies",
      `The server speaks without TLS on ${server.host}, and no proxy is trusted`,
      "Behind a proxy, all clients have the address of the proxy and share its limits",
      'Set it to the address of the proxy, for example ["127.0.0.1"] for a proxy on this machine',
    ));
  }
  if (server.unix !== undefined && !server.proxy_protocol) {
    findings.push(finding(
      "note",
      "server.unix",
      "Client addresses come from the X-Forwarded-For header of the process that connects to the socket",
      "If the proxy does not set it, all clients look like one, and share its caps and rates",
      "Have the proxy overwrite X-Forwarded-For, or set server.proxy_protocol",
    ));
  }
  return findings;
}

function opsFindings({ ops, store, log }: Config): Finding[] {
  const findings: Finding[] = [];
  if (ops !== undefined && !isLoopback(ops.host)) {
    findings.push(finding(
      "warning",
      "ops.host",
      `Metrics and administration listen on ${ops.host}`,
      "They have no TLS: an attacker on the network can read the metrics and the admin token",
      "Listen on 127.0.0.1 and reach it through a tunnel",
    ));
  }
  if (store.kind === "memory") {
    findings.push(finding(
      "note",
      "store.kind",
      "Bans, revocations and used tickets are forgotten at a restart",
      store.path === undefined ? "They are kept in memory only" : "store.path has no effect with memory",
      'Set store.kind to "sqlite" with a store.path',
    ));
  }
  if (log.level === "debug") {
    findings.push(
      finding("note", "log.level", "The log has debug lines", "They are many, and cost time", "Set it to info"),
    );
  }
  return findings;
}

/** Files that control the server must not be writable to others. */
function fileFindings(config: Config, context: FindingContext): Finding[] {
  const files: [string, string | undefined][] = [
    ["the configuration file", context.path],
    ...config.handlers.map((handler, index): [string, string] => [`handlers[${index}].module`, handler.module]),
    ["auth.public_key_file", config.auth.public_key_file],
    ["auth.jwks_file", config.auth.jwks_file],
    ["auth.revoked_file", config.auth.revoked_file],
    ["tls.cert_file", config.tls?.cert_file],
    ["cluster.ca_file", config.cluster?.ca_file],
    ["cluster.cert_file", config.cluster?.cert_file],
  ];
  const findings: Finding[] = [];
  for (const [where, path] of files) {
    const mode = path === undefined ? 0 : modeOf(path);
    if ((mode & 0o022) === 0) continue;
    const everyone = (mode & 0o002) !== 0;
    findings.push(finding(
      everyone ? "error" : "warning",
      where,
      `${path} can be changed by ${everyone ? "every user" : "its group"} of this machine`,
      "A user that can change the file controls admission, or the code that runs",
      "Remove the permission: chmod go-w",
    ));
  }
  return findings;
}

function modeOf(path: string): number {
  try {
    return Deno.statSync(path).mode ?? 0;
  } catch {
    // A missing file was reported at loading.
    return 0;
  }
}
