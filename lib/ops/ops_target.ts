import type { PermissionReport } from "./permissions.ts";

/** A live connection as an operator sees it. */
export interface ConnectionInfo {
  readonly id: string;
  readonly user: string;
  readonly ip: string;
  /** RFC 3339. */
  readonly since: string;
  readonly subprotocol: string | null;
}

/** A ban in force: `key` is `ip:ADDRESS` or `user:ID`, `until` RFC 3339. */
export interface BanInfo {
  readonly key: string;
  readonly until: string;
}

/** A revocation of the ops interface: `key` is `jti:VALUE`, `sub:VALUE` or `before:RFC3339`; moments are RFC 3339. */
export interface RevocationInfo {
  readonly key: string;
  /** Of a `sub`: tokens issued later are good; null when none is. */
  readonly issued_until?: string | null;
  readonly expires_at: string | null;
}

/** What a revocation names: one token, all of a user's, or all issued before a moment (ms since the epoch). */
export type RevocationTarget = { readonly jti: string } | { readonly sub: string } | { readonly before: number };

/** Whether the server can take traffic, condition by condition; it is ready when all are true. */
export interface Conditions {
  readonly listener: boolean;
  readonly cells: boolean;
  readonly certificate: boolean;
  readonly store: boolean;
  /** There is a key to verify tokens with. */
  readonly keys: boolean;
  readonly not_draining: boolean;
}

/** What the ops server may see of the server and do to it. */
export interface OpsTarget {
  ready(): Conditions | Promise<Conditions>;
  permissions(): PermissionReport;
  connections(): Iterable<ConnectionInfo>;
  /** Closes a connection with 1008 `kicked`; false when there is none of that id. */
  kick(id: string): boolean;
  /**
   * Remembers a revocation until `expiresAt` (ms since the epoch; default: as long as a token may live) and closes what it
   * hits: how many. A `sub` stands for the user's tokens issued until now.
   */
  revoke(target: RevocationTarget, expiresAt?: number): number | Promise<number>;
  /** The revocations of the ops interface; those of `auth.revoked_file` are only counted. */
  listRevocations(): Iterable<RevocationInfo>;
  revokedFileLines(): number;
  /** False when there is no such revocation of the ops interface. */
  liftRevocation(key: string): boolean;
  bans(): Iterable<BanInfo>;
  /** False when there is no such ban. */
  liftBan(key: string): boolean;
  /** Sends a notification to a topic's subscribers, on every node. */
  publish(topic: string, method: string, params: unknown): void | Promise<void>;
}
