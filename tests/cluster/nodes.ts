/** Nodes under test, over one Redis. */
import { until } from "../helpers/until.ts";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { RedisCluster } from "../../lib/cluster/redis/redis.ts";
import type { RedisSettings } from "../../lib/cluster/redis/settings.ts";
import { createLog } from "../../lib/log/log.ts";
import { RecordedDuties } from "./duties.ts";

/** A node that records what it is told, and its log. */
export interface TestNode extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly duties: RecordedDuties;
  readonly log: Record<string, unknown>[];
}

export const SECRET = new TextEncoder().encode("a secret of at least thirty-two bytes");

export function settings(url: string, more: Partial<RedisSettings> = {}): RedisSettings {
  return { url, secret: SECRET, prefix: "test", ...more };
}

/** Makes a node without starting it. */
export function makeNode(options: RedisSettings, duties = new RecordedDuties()): TestNode {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) });
  const cluster = new RedisCluster(options, duties, { log, now: () => performance.now() });
  return { cluster, duties, log: lines, [Symbol.asyncDispose]: () => cluster.close() };
}

/** Starts a node, and waits until its link is up. */
export async function startNode(options: RedisSettings, duties?: RecordedDuties): Promise<TestNode> {
  const node = makeNode(options, duties);
  await node.cluster.start();
  await until(() => node.cluster.link().up, () => `the link to be up: ${JSON.stringify(node.log)}`);
  return node;
}
