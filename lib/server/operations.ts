/** The operators' view of the server, and their actions. In a cluster, both are about all nodes. */
import type {
  Applied,
  BanInfo,
  Conditions,
  ConnectionInfo,
  Coverage,
  EventOutcome,
  EventPublication,
  NodeStatus,
  OfNodes,
  OpsTarget,
  RevocationInfo,
  RevocationTarget,
} from "../ops/ops_target.ts";
import type { PermissionReport } from "../ops/permissions.ts";
import { notification } from "../rpc/rpc.ts";
import type { HandlerModule } from "../sandbox/sandbox.ts";
import { type FrontFigures, FrontState } from "../sandbox/wire/front_frames.ts";
import { mismatching } from "./cluster_watch.ts";
import { isConnected } from "./link_health.ts";
import { askNodes, coverageOf } from "./node_requests.ts";
import type { Server } from "./server.ts";
import type { SharedChange } from "./shared_rights.ts";

export class Operations implements OpsTarget {
  readonly #server: Server;
  readonly #permissions: () => PermissionReport;

  constructor(server: Server, permissions: () => PermissionReport) {
    this.#server = server;
    this.#permissions = permissions;
  }

  async ready(): Promise<Conditions> {
    const { certificate, store, verifier, draining, cluster, config } = this.#server;
    return {
      listener: await this.#server.accepts(),
      cells: cellsReady(this.#server),
      certificate: certificate.valid(),
      store: store.writable(),
      keys: verifier.keyCount > 0,
      not_draining: !draining,
      ...(config.cluster === undefined ? {} : { cluster: isConnected(cluster.link(), config) }),
    };
  }

  permissions(): PermissionReport {
    return this.#permissions();
  }

  nodes(): OfNodes<NodeStatus[]> {
    const nodes = this.#server.cluster.control.nodes();
    const others = new Set(mismatching(nodes));
    return this.#held(nodes.map((node) => {
      const { fingerprint: _, since, ...told } = node;
      return { ...told, since: new Date(since).toISOString(), same_config: !others.has(node) };
    }));
  }

  async connections(): Promise<OfNodes<ConnectionInfo[]>> {
    const { replies, coverage } = await askNodes(this.#server.cluster, "connections");
    const value = [...replies].flatMap(([node, list]) =>
      coverage === undefined ? list : list.map((connection) => ({ ...connection, node }))
    );
    return ofNodes(value, coverage);
  }

  async kick(id: string): Promise<OfNodes<boolean>> {
    const { replies, coverage } = await askNodes(this.#server.cluster, "kick", { id });
    return ofNodes([...replies.values()].includes(true), coverage);
  }

  async revoke(target: RevocationTarget, expiresAt?: number): Promise<OfNodes<number> & { applied: Applied }> {
    const { cluster, rights } = this.#server;
    const { closed, name, shared } = rights.revoke(target, expiresAt);
    if (!await shared) return { value: closed, applied: "here" };
    // The others have heard of the revocation before they hear this.
    const { replies, coverage } = await askNodes(cluster, "revoked", { name });
    const elsewhere = sum([...replies].filter(([node]) => node !== cluster.node).map(([, count]) => count));
    return { ...ofNodes(closed + elsewhere, coverage), applied: "everywhere" };
  }

  listRevocations(): OfNodes<RevocationInfo[]> {
    return this.#held(
      this.#server.revocations.list().map(({ key, issuedUntil, expiresAt }) => ({
        key,
        ...(issuedUntil === undefined ? {} : { issued_until: isoOrNull(issuedUntil) }),
        expires_at: isoOrNull(expiresAt),
      })),
    );
  }

  revokedFileLines(): number {
    return this.#server.revocations.fileSize;
  }

  liftRevocation(key: string): Promise<Applied> {
    return applied(this.#server.rights.liftRevocation(key));
  }

  bans(): OfNodes<BanInfo[]> {
    const bans = this.#server.limits.bans.list();
    return this.#held(bans.map(({ key, until }) => ({ key, until: new Date(until).toISOString() })));
  }

  liftBan(key: string): Promise<Applied> {
    return applied(this.#server.rights.liftBan(key));
  }

  async publish(topic: string, method: string, params: unknown): Promise<OfNodes<boolean>> {
    const { cluster, hub, modules } = this.#server;
    const { replies, coverage } = await askNodes(cluster, "subscribers", { topic });
    const followed = new Set([...replies.values()].flatMap((counts) => Object.keys(counts)));
    // On a declared topic only events are sent, as their schemas leave them.
    const free = [...modules.values()].filter(({ contract }) => contract.topics.size === 0).map((one) =>
      one.subprotocol
    );
    const receivers = coverage?.complete === false ? free : free.filter((module) => followed.has(module));
    const text = new TextEncoder().encode(notification(method, JSON.stringify(params ?? {})));
    for (const module of receivers) hub.publish(module, topic, text);
    return ofNodes(receivers.length > 0 || this.#declaring(topic).length === 0, coverage);
  }

  async publishEvent({ topic, event, data, module }: EventPublication): Promise<EventOutcome> {
    const { modules } = this.#server;
    if (module !== undefined && !modules.has(module)) return { refused: "unknown_module" };
    const declaring = this.#declaring(topic).filter((one) => module === undefined || one.subprotocol === module);
    const [found, ...others] = declaring;
    if (found === undefined) return { refused: "unknown_topic" };
    if (others.length > 0) {
      return { refused: "ambiguous_module", modules: declaring.map(({ subprotocol }) => subprotocol) };
    }
    const outcome = await found.publish(topic, event, JSON.stringify(data));
    if ("delivered" in outcome) return await this.#delivered(found.subprotocol, topic, outcome.delivered);
    if (!("dataJson" in outcome)) return outcome;
    const { issues } = JSON.parse(outcome.dataJson) as { issues?: unknown };
    return { refused: "invalid_data", issues: issues ?? [] };
  }

  /** The number of an event's receivers on this node, with those of the other nodes. */
  async #delivered(module: string, topic: string, here: number): Promise<EventOutcome> {
    const { cluster } = this.#server;
    if (cluster.kind === "memory") return { delivered: here };
    const { replies, coverage } = await askNodes(cluster, "subscribers", { topic });
    const elsewhere = [...replies].filter(([node]) => node !== cluster.node).map(([, counts]) => counts[module] ?? 0);
    return { delivered: here + sum(elsewhere), ...(coverage ? { coverage } : {}) };
  }

  /** The modules that declare a topic of that name. */
  #declaring(topic: string): HandlerModule[] {
    return [...this.#server.modules.values()].filter((module) => module.topicOf(topic) !== undefined);
  }

  /** An answer from what this node holds of all nodes. */
  #held<T>(value: T): OfNodes<T> {
    return ofNodes(value, coverageOf(this.#server.cluster));
  }
}

function ofNodes<T>(value: T, coverage: Coverage | undefined): OfNodes<T> {
  return coverage === undefined ? { value } : { value, coverage };
}

async function applied(change: SharedChange | null): Promise<Applied> {
  if (change === null) return "unknown";
  return await change.shared ? "everywhere" : "here";
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Whether every module has a responding cell. */
function cellsReady({ modules }: Server): boolean {
  return [...modules.values()].every((module) => module.ready);
}

/** RFC 3339; null for an infinite moment. */
function isoOrNull(moment: number): string | null {
  return Number.isFinite(moment) ? new Date(moment).toISOString() : null;
}

/** Current figures for the supervisor. */
export function figuresOf(server: Server): FrontFigures {
  const { registry, overload, draining, config } = server;
  const state = draining ? FrontState.Draining : overload.refusing ? FrontState.Overloaded : FrontState.Serving;
  return {
    state,
    connections: registry.size,
    maxConnections: config.server.max_connections,
    responsive: cellsReady(server),
  };
}
