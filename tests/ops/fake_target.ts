import type {
  Conditions,
  EventOutcome,
  EventPublication,
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
  connections = () =>
    [...this.live].map(([id, user]) => (
      { id, user, ip: "192.0.2.1", since: "2026-11-22T13:00:00.000Z", subprotocol: "chat.v1" }
    ));
  kick = (id: string) => this.live.delete(id);
  readonly lifted: string[] = [];
  readonly kept = new Map([["sub:alice", "2026-11-23T14:00:00.000Z"], ["jti:a/b", "2026-11-23T15:00:00.000Z"]]);
  listRevocations = () => [...this.kept].map(([key, expires_at]) => ({ key, expires_at }));
  revokedFileLines = () => 3;
  liftRevocation(key: string): boolean {
    if (!this.kept.delete(key)) return false;
    this.lifted.push(key);
    return true;
  }
  bans = () => [...this.banned].map(([key, until]) => ({ key, until }));
  liftBan = (key: string) => this.banned.delete(key);

  revoke(target: RevocationTarget, expiresAt?: number): number {
    this.revocations.push([target, expiresAt]);
    if ("sub" in target && target.sub === "broken") throw new Error("store is gone");
    return 2;
  }

  publish(topic: string, method: string, params: unknown): boolean {
    if (topic === "declared") return false;
    this.published.push({ topic, method, params });
    return true;
  }

  /** The answer of `publishEvent`. */
  outcome: EventOutcome = { delivered: 2 };

  publishEvent(publication: EventPublication): Promise<EventOutcome> {
    this.published.push(publication);
    return Promise.resolve(this.outcome);
  }
}
