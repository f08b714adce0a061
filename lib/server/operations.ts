/** The operators' view of the server, and their actions. */
import type {
  BanInfo,
  Conditions,
  ConnectionInfo,
  EventOutcome,
  EventPublication,
  OpsTarget,
  RevocationInfo,
  RevocationTarget,
} from "../ops/ops_target.ts";
import type { PermissionReport } from "../ops/permissions.ts";
import { notification } from "../rpc/rpc.ts";
import type { HandlerModule } from "../sandbox/sandbox.ts";
import { type FrontFigures, FrontState } from "../sandbox/wire/front_frames.ts";
import { isConnected } from "./link_health.ts";
import type { Server } from "./server.ts";

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

  connections(): ConnectionInfo[] {
    return this.#server.registry.all().map(({ id, userId, ip, since, subprotocol }) => ({
      id,
      user: userId,
      ip,
      since: new Date(since).toISOString(),
      subprotocol,
    }));
  }

  kick(id: string): boolean {
    const session = this.#server.registry.get(id);
    session?.end("kicked");
    return session !== undefined;
  }

  revoke(target: RevocationTarget, expiresAt?: number): number {
    return this.#server.rights.revoke(target, expiresAt).closed;
  }

  listRevocations(): RevocationInfo[] {
    return this.#server.revocations.list().map(({ key, issuedUntil, expiresAt }) => ({
      key,
      ...(issuedUntil === undefined ? {} : { issued_until: isoOrNull(issuedUntil) }),
      expires_at: isoOrNull(expiresAt),
    }));
  }

  revokedFileLines(): number {
    return this.#server.revocations.fileSize;
  }

  liftRevocation(key: string): boolean {
    return this.#server.rights.liftRevocation(key) !== null;
  }

  bans(): BanInfo[] {
    return this.#server.limits.bans.list().map(({ key, until }) => ({ key, until: new Date(until).toISOString() }));
  }

  liftBan(key: string): boolean {
    return this.#server.rights.liftBan(key) !== null;
  }

  publish(topic: string, method: string, params: unknown): boolean {
    const { hub, modules } = this.#server;
    // On a declared topic only events are sent, as their schemas leave them.
    const free = hub.modulesOf(topic).filter((module) => modules.get(module)?.contract.topics.size === 0);
    const text = new TextEncoder().encode(notification(method, JSON.stringify(params ?? {})));
    for (const module of free) hub.publish(module, topic, text);
    return free.length > 0 || this.#declaring(topic).length === 0;
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
    if (!("dataJson" in outcome)) return outcome;
    const { issues } = JSON.parse(outcome.dataJson) as { issues?: unknown };
    return { refused: "invalid_data", issues: issues ?? [] };
  }

  /** The modules that declare a topic of that name. */
  #declaring(topic: string): HandlerModule[] {
    return [...this.#server.modules.values()].filter((module) => module.topicOf(topic) !== undefined);
  }
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
