import type {
  Applied,
  Conditions,
  Coverage,
  EventOutcome,
  EventPublication,
  NodeStatus,
  OfNodes,
  OpsTarget,
  RevocationTarget,
} from "../../lib/ops/ops_target.ts";
import { currentPermissions } from "../../lib/ops/permissions.ts";

/** A server with two connections and two bans that records what is done to it. */
export class FakeTarget implements OpsTarget {
  conditions: Conditions = {
    listener: true,
    cells: true,
    certificate: true,
    store: true,
    keys: true,
    not_draining: true,
  };
  readonly live = new Map([["c1", "alice"], ["c/2", "bob"]]);
  readonly banned = new Map([["ip:192.0.2.7", "2026-11-22T14:00:00.000Z"], ["user:a/b", "2026-11-22T15:00:00.000Z"]]);
  readonly revocations: [RevocationTarget, number | undefined][] = [];
  readonly published: unknown[] = [];

  ready = () => this.conditions;
  permissions = currentPermissions;
  /** Set in a cluster. */
  coverage: Coverage | undefined;
  /** Whether the other nodes take a change. */
  applied: Exclude<Applied, "unknown"> = "everywhere";
  nodes = () =>
    this.#covered<NodeStatus[]>([
      {
        id: "n1",
        name: "a",
        connections: 2,
        since: "2026-11-22T13:00:00.000Z",
        draining: false,
        own: true,
        same_config: true,
      },
    ]);
  connections = () =>
    Promise.resolve(this.#covered([...this.live].map(([id, user]) => (
      { id, user, ip: "192.0.2.1", since: "2026-11-22T13:00:00.000Z", subprotocol: "chat.v1" }
    ))));
  kick = (id: string) => Promise.resolve(this.#covered(this.live.delete(id)));
  readonly lifted: string[] = [];
  readonly kept = new Map([["sub:alice", "2026-11-23T14:00:00.000Z"], ["jti:a/b", "2026-11-23T15:00:00.000Z"]]);
  listRevocations = () => this.#covered([...this.kept].map(([key, expires_at]) => ({ key, expires_at })));
  revokedFileLines = () => 3;
  liftRevocation(key: string): Promise<Applied> {
    const known = this.kept.delete(key);
    if (known) this.lifted.push(key);
    return Promise.resolve(known ? this.applied : "unknown");
  }
  bans = () => this.#covered([...this.banned].map(([key, until]) => ({ key, until })));
  liftBan = (key: string): Promise<Applied> => Promise.resolve(this.banned.delete(key) ? this.applied : "unknown");

  revoke(target: RevocationTarget, expiresAt?: number): Promise<OfNodes<number> & { applied: Applied }> {
    this.revocations.push([target, expiresAt]);
    if ("sub" in target && target.sub === "broken") throw new Error("store is gone");
    return Promise.resolve({ ...this.#covered(2), applied: this.applied });
  }

  publish(topic: string, method: string, params: unknown): Promise<OfNodes<boolean>> {
    const taken = topic !== "declared";
    if (taken) this.published.push({ topic, method, params });
    return Promise.resolve(this.#covered(taken));
  }

  /** The answer of `publishEvent`. */
  outcome: EventOutcome = { delivered: 2 };

  publishEvent(publication: EventPublication): Promise<EventOutcome> {
    this.published.push(publication);
    const { outcome, coverage } = this;
    return Promise.resolve("delivered" in outcome && coverage ? { ...outcome, coverage } : outcome);
  }

  #covered<T>(value: T): OfNodes<T> {
    return this.coverage === undefined ? { value } : { value, coverage: this.coverage };
  }
}
