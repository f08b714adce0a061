/** Findings of `check` about the files of `[cluster]`. With one of severity `error`, the server does not start. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Config } from "../../config/config.ts";
import type { Finding } from "../../config/findings/findings.ts";
import { readSettings } from "./read_settings.ts";
import type { RedisSettings } from "./settings.ts";
import { type Endpoint, isLocal, parseRedisUrl } from "./url.ts";

/** As many bytes as the hash of an HMAC with SHA-256 has (RFC 2104 section 3). */
const MIN_SECRET_BYTES = 32;

/** Every finding about the files; none without `[cluster]`. */
export function clusterFileFindings(config: Config): Finding[] {
  return config.cluster === undefined ? [] : [...fileFindings(readSettings(config.cluster), config)];
}

function* fileFindings(settings: RedisSettings, config: Config): Iterable<Finding> {
  if (settings.secret.length < MIN_SECRET_BYTES) {
    yield {
      severity: "error",
      where: "cluster.secret_file",
      what: `The secret has ${settings.secret.length} bytes, must have at least ${MIN_SECRET_BYTES}`,
      why: "A program that guesses it can revoke tokens and lift bans on all nodes; the server does not start",
      remedy: "Make one with: head -c 32 /dev/urandom | base64 -w 0",
    };
  }
  if (settings.password === "") {
    yield {
      severity: "error",
      where: "cluster.password_file",
      what: "The password is empty",
      why: "The database would refuse the connection; the server does not start",
      remedy: "Write the password into the file, or leave cluster.password_file out",
    };
  }
  let endpoint: Endpoint;
  try {
    endpoint = parseRedisUrl(settings.url);
  } catch (error) {
    return yield {
      severity: "error",
      where: "cluster.url_file",
      what: `It can't be used: ${error instanceof Error ? error.message : String(error)}`,
      why: "The server does not start",
      remedy: "Write one line such as rediss://sallyport@redis.internal:6379",
    };
  }
  yield* wayFindings(endpoint);
  yield* certificateFindings(settings, endpoint);
  yield* reachFindings(config, endpoint);
  if (settings.password !== undefined && endpoint.password !== undefined) {
    yield {
      severity: "warning",
      where: "cluster.password_file",
      what: "The URL has a password too",
      why: "Only the one of cluster.password_file is used",
      remedy: "Remove one of them",
    };
  }
}

function* wayFindings(endpoint: Endpoint): Iterable<Finding> {
  if (endpoint.tls || isLocal(endpoint)) return;
  yield {
    severity: "error",
    where: "cluster.url_file",
    what: "The URL has no TLS, and a host other than this machine",
    why: "Messages, user ids and the password would cross the network in plain text; the server does not start",
    remedy: "Use rediss://, rediss+sentinel:// or rediss+cluster://",
  };
}

function* certificateFindings({ ca, cert, key }: RedisSettings, { tls }: Endpoint): Iterable<Finding> {
  if (!tls && (ca !== undefined || cert !== undefined)) {
    yield {
      severity: "warning",
      where: ca === undefined ? "cluster.cert_file" : "cluster.ca_file",
      what: "The URL has no TLS, so certificates have no effect",
      why: "The connection is not encrypted",
      remedy: "Use rediss://, or leave the certificates out",
    };
  }
  const files: [string, string | undefined, (text: string) => unknown][] = [
    ["cluster.ca_file", ca, (text) => new X509Certificate(text)],
    ["cluster.cert_file", cert, (text) => new X509Certificate(text)],
    ["cluster.key_file", key, createPrivateKey],
  ];
  let usable = true;
  for (const [where, text, parse] of files) {
    if (text === undefined || succeeds(() => parse(text))) continue;
    usable = false;
    yield {
      severity: "error",
      where,
      what: `It is not ${where === "cluster.key_file" ? "a private key" : "a certificate"} in PEM`,
      why: "No connection to the database is possible; the server does not start",
      remedy: "Name a PEM file",
    };
  }
  if (!usable || cert === undefined || key === undefined) return;
  if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return;
  yield {
    severity: "error",
    where: "cluster.key_file",
    what: "It is not the key of cluster.cert_file",
    why: "No connection to the database is possible; the server does not start",
    remedy: "Name the key that the certificate was made for",
  };
}

/** A handler that may connect to the database needs only the password to read the messages of all modules. */
function* reachFindings({ handlers }: Config, { hosts }: Endpoint): Iterable<Finding> {
  for (const [index, { permissions }] of handlers.entries()) {
    const granted = permissions.net ?? [];
    const reached = hosts.map(({ host, port }) => [host.includes(":") ? `[${host}]` : host, port] as const)
      .find(([host, port]) => granted.includes(host) || granted.includes(`${host}:${port}`));
    if (reached === undefined) continue;
    yield {
      severity: "warning",
      where: `handlers[${index}].permissions.net`,
      what: `The handler can connect to the database of the cluster (${reached.join(":")})`,
      why: "With the password, it could read and change what all modules and nodes share",
      remedy: "Grant other hosts only",
    };
  }
}

function succeeds(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}
