/** The interface between the operators' server and the server. */
import type { PermissionReport } from "./permissions.ts";

/** A live connection. */
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
  /** For a `sub`: tokens issued later are valid; null when all tokens are revoked. */
  readonly issued_until?: string | null;
  readonly expires_at: string | null;
}

/**
 * Target of a revocation: one token, all tokens of a user, or all tokens issued before a moment (milliseconds since the
 * epoch).
 */
export type RevocationTarget = { readonly jti: string } | { readonly sub: string } | { readonly before: number };

/** Conditions of readiness. The server is ready when all are true. */
export interface Conditions {
  readonly listener: boolean;
  readonly cells: boolean;
  readonly certificate: boolean;
  readonly store: boolean;
  /** There is a key for verifying tokens. */
  readonly keys: boolean;
  readonly not_draining: boolean;
}

/** The view and the actions that the server offers its operators. */
export interface OpsTarget {
  ready(): Conditions | Promise<Conditions>;
  permissions(): PermissionReport;
  connections(): Iterable<ConnectionInfo>;
  /** Closes a connection with 1008 `kicked`. False if there is no connection with that id. */
  kick(id: string): boolean;
  /**
   * Stores a revocation until `expiresAt` (milliseconds since the epoch; default: the maximum lifetime of a token) and
   * closes the affected sessions. A `sub` covers the user's tokens issued until now.
   *
   * @returns the number of closed sessions
   */
  revoke(target: RevocationTarget, expiresAt?: number): number | Promise<number>;
  /** The revocations of the operations interface; those of `auth.revoked_file` are only counted. */
  listRevocations(): Iterable<RevocationInfo>;
  revokedFileLines(): number;
  /** False if the operations interface made no such revocation. */
  liftRevocation(key: string): boolean;
  bans(): Iterable<BanInfo>;
  /** False if there is no such ban. */
  liftBan(key: string): boolean;
  /** Sends a notification to a topic's subscribers, on every node. */
  publish(topic: string, method: string, params: unknown): void | Promise<void>;
}
