/** The note about the maximum that a configuration admits. */
import { type Admits, CHUNKS_BYTES } from "../admits.ts";
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";
import { formatSize } from "../units.ts";

/** A note with the three figures and their derivation. */
export function admitsFinding(config: Config, admits: Admits): Finding {
  const { server, messages } = config;
  const fronts = server.fronts === 1 ? "" : `${server.fronts} fronts × `;
  const memory = admits.memory_bytes === null
    ? 'memory without bound (engine "serve")'
    : `${megabytes(admits.memory_bytes)} MB of memory`;
  return finding(
    "note",
    "limits",
    `Admits at most ${count(admits.messages_per_second)} messages/s, ${
      megabytes(admits.bytes_per_second)
    } MB/s, ${memory}, ${count(admits.subscriptions)} subscriptions (${megabytes(admits.subscription_bytes)} MB)`,
    `${fronts}${count(server.max_connections)} connections, each as fast as its buckets allow; memory${
      server.fronts === 1 ? "" : " of each front"
    } is connections × ` +
      `(max_bytes ${formatSize(messages.max_bytes)} + chunks read and written ${
        formatSize(CHUNKS_BYTES)
      } + send_queue ${formatSize(server.send_queue)}) ` +
      `+ cells × memory, and what idle processes need. One user: ${
        count(admits.user_messages_per_second)
      } messages/s, ` +
      `one address: ${count(admits.ip_messages_per_second)} messages/s`,
    "If the machine has less, lower server.max_connections, server.send_queue, the rates or topics.max_subscriptions",
  );
}

function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 });
}
