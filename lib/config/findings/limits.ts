/** Findings about limits that contradict each other or can never be reached. */
import { type Finding, finding } from "./finding.ts";
import { formatKey } from "../problems.ts";
import type { Config } from "../schema.ts";
import { formatSize } from "../units.ts";

export function limitFindings(config: Config): Finding[] {
  return [...bucketFindings(config), ...orderFindings(config), ...byteFindings(config), ...capFindings(config)];
}

type Bucket = { readonly rate: number; readonly burst: number };

function bucketFindings({ limits }: Config): Finding[] {
  const buckets: [string, Bucket][] = [
    ...(["handshake", "handshake_user", "ip", "connection", "user", "ticket"] as const).map((
      name,
    ): [string, Bucket] => [`limits.${name}`, limits[name]]),
    ...types(limits),
  ];
  return buckets.filter(([, bucket]) => bucket.burst < 1).map(([where, bucket]) =>
    finding(
      "error",
      `${where}.burst`,
      `A burst of ${bucket.burst} lets nothing pass`,
      "One message costs one token, and the bucket never holds a whole one",
      "Set it to at least 1, better to a few seconds' worth of the rate",
    )
  );
}

/** A bucket has no effect when a smaller one always refuses first. */
function orderFindings({ limits }: Config): Finding[] {
  const pairs: [string, Bucket, string, Bucket][] = [
    ["limits.connection", limits.connection, "limits.user", limits.user],
    ["limits.connection", limits.connection, "limits.ip", limits.ip],
    ["limits.user", limits.user, "limits.ip", limits.ip],
    ...types(limits).map((
      [where, bucket],
    ): [string, Bucket, string, Bucket] => [where, bucket, "limits.connection", limits.connection]),
  ];
  const findings: Finding[] = [];
  for (const [where, inner, outerWhere, outer] of pairs) {
    for (const key of ["rate", "burst"] as const) {
      if (inner[key] <= outer[key]) continue;
      findings.push(finding(
        "warning",
        `${where}.${key}`,
        `${inner[key]} can never be reached, ${outerWhere}.${key} is ${outer[key]}`,
        "The wider scope stops the client first, so the narrower limit does nothing",
        `Lower it, or raise ${outerWhere}.${key} to at least ${inner[key]}`,
      ));
    }
  }
  return findings;
}

function byteFindings({ limits: { connection }, messages, server }: Config): Finding[] {
  const findings: Finding[] = [];
  if (messages.max_bytes > connection.bytes_burst) {
    findings.push(finding(
      "error",
      "limits.connection.bytes_burst",
      `A message of messages.max_bytes (${formatSize(messages.max_bytes)}) never passes`,
      `The bucket holds ${formatSize(connection.bytes_burst)} at most`,
      `Raise it to at least ${formatSize(messages.max_bytes)}, or lower messages.max_bytes`,
    ));
  }
  const reachable = Math.floor(connection.rate * messages.max_bytes);
  if (connection.bytes_rate > reachable) {
    findings.push(finding(
      "warning",
      "limits.connection.bytes_rate",
      `${formatSize(connection.bytes_rate)} a second can never be reached`,
      `${connection.rate} messages a second of at most ${formatSize(messages.max_bytes)} are ${formatSize(reachable)}`,
      `Lower it to at most ${formatSize(reachable)}`,
    ));
  }
  // The frame header takes part of the queue too.
  if (messages.max_bytes >= server.send_queue) {
    findings.push(finding(
      "warning",
      "server.send_queue",
      `It is not larger than messages.max_bytes (${formatSize(messages.max_bytes)})`,
      "A reply as long as a request would close the client as slow_consumer",
      `Raise it to several times ${formatSize(messages.max_bytes)}`,
    ));
  }
  return findings;
}

/** Memory of an idle TLS socket in bytes. */
const IDLE_BYTES = 25_000;
/** More connections than one process of this server has been measured with. */
const MANY_CONNECTIONS = 200_000;

function capFindings({ server, messages, limits }: Config): Finding[] {
  const findings: Finding[] = [];
  if (server.max_connections > MANY_CONNECTIONS) {
    const gigabytes = Math.round(server.max_connections * IDLE_BYTES / 1e9);
    findings.push(finding(
      "warning",
      "server.max_connections",
      `${server.max_connections} is more than one process can carry`,
      `It needs as many file descriptors, and ${gigabytes} GB of memory before any client sends a message; ` +
        "the limit then protects nothing",
      `Set it to a value that you have measured, at most ${MANY_CONNECTIONS}, and use more servers`,
    ));
  }
  for (const key of ["max_connections_per_ip", "max_connections_per_user"] as const) {
    if (server[key] <= server.max_connections) continue;
    findings.push(finding(
      "warning",
      `server.${key}`,
      `${server[key]} can never be reached, server.max_connections is ${server.max_connections}`,
      "One address or user alone can take every place",
      "Set it well below server.max_connections",
    ));
  }
  if (messages.max_batch > limits.connection.burst) {
    findings.push(finding(
      "warning",
      "messages.max_batch",
      `A batch of ${messages.max_batch} never passes whole, limits.connection.burst is ${limits.connection.burst}`,
      "Every element of a batch costs a token",
      `Lower it to ${Math.floor(limits.connection.burst)}, or raise the burst`,
    ));
  }
  if (!limits.adaptive) {
    findings.push(finding(
      "note",
      "limits.adaptive",
      "The server does not shed load by itself",
      "Under overload all clients become slow",
      "Set it to true unless a proxy in front sheds load",
    ));
  }
  return findings;
}

function types(limits: Config["limits"]): [string, Bucket][] {
  return Object.entries(limits.types).map(([method, bucket]) => [formatKey(["limits", "types", method]), bucket]);
}
