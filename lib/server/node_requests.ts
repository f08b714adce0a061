/** The requests of the nodes to one another for their administrators. */
import type { Cluster, NodeRequest } from "../cluster/cluster.ts";
import type { ConnectionInfo, Coverage } from "../ops/ops_target.ts";
import type { Registry, Session } from "../session/session.ts";

/** The answers by kind of request. `subscribers` are the numbers of a topic's subscribers by module. */
export interface NodeReplies {
  readonly connections: readonly ConnectionInfo[];
  readonly kick: boolean;
  readonly subscribers: Readonly<Record<string, number>>;
  /** The number of sessions that a revocation has closed. */
  readonly revoked: number;
}

export interface NodeRequestsDeps {
  readonly registry: Pick<Registry<Session>, "all" | "get">;
  readonly hub: {
    /** The modules with subscribers to a topic of that name on this node. */
    modulesOf(topic: string): readonly string[];
    subscribersOf(module: string, topic: string): number;
  };
  /** The number of sessions that the revocation of that name has closed recently. */
  readonly closedBy: (revocation: string) => number;
}

/** Answers by the id of the node. `coverage` is absent for a single node, which is complete. */
export interface Asked<T> {
  readonly replies: ReadonlyMap<string, T>;
  readonly coverage?: Coverage;
}

/** Asks all live nodes, this one included. */
export async function askNodes<K extends keyof NodeReplies>(
  { kind: place, control }: Pick<Cluster, "kind" | "control">,
  kind: K,
  params?: Readonly<Record<string, string>>,
): Promise<Asked<NodeReplies[K]>> {
  const { answers, complete, missing } = await control.ask<NodeReplies[K]>({ kind, params });
  return place === "memory" ? { replies: answers } : { replies: answers, coverage: { complete, missing } };
}

/** The nodes whose bans and revocations this node holds as they are now: all of them while the link is up. */
export function coverageOf(cluster: Pick<Cluster, "kind" | "control" | "link">): Coverage | undefined {
  if (cluster.kind === "memory") return undefined;
  const { up } = cluster.link();
  return { complete: up, missing: up ? [] : cluster.control.nodes().filter(({ own }) => !own).map(({ id }) => id) };
}

/**
 * Answers a request of a node, this one included.
 *
 * @throws {TypeError} if this version does not know the request
 */
export function answerNode(
  { kind, params }: NodeRequest,
  { registry, hub, closedBy }: NodeRequestsDeps,
): NodeReplies[keyof NodeReplies] {
  switch (kind) {
    case "connections":
      return registry.all().map(connectionInfo);
    case "kick": {
      const session = registry.get(textOf(params, "id"));
      session?.end("kicked");
      return session !== undefined;
    }
    case "subscribers": {
      const topic = textOf(params, "topic");
      return Object.fromEntries(hub.modulesOf(topic).map((module) => [module, hub.subscribersOf(module, topic)]));
    }
    case "revoked":
      return closedBy(textOf(params, "name"));
    default:
      throw new TypeError(`Unknown request ${kind}`);
  }
}

function connectionInfo({ id, userId, ip, since, subprotocol }: Session): ConnectionInfo {
  return { id, user: userId, ip, since: new Date(since).toISOString(), subprotocol };
}

function textOf(params: unknown, key: string): string {
  const value: unknown = Object.getOwnPropertyDescriptor(Object(params), key)?.value;
  if (typeof value === "string") return value;
  throw new TypeError(`A request without ${key}`);
}
