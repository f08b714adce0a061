/** The interface between the operators' server and the server. */
import type { PermissionReport } from "./permissions.ts";

/** The nodes that an answer covers. `missing` has the ids of nodes that did not answer. */
export interface Coverage {
  readonly complete: boolean;
  readonly missing: readonly string[];
}

/** An answer about all nodes. A single node has no `coverage`: it is complete. */
export interface OfNodes<T> {
  readonly value: T;
  readonly coverage?: Coverage;
}

/** A live node of the cluster. */
export interface NodeStatus {
  readonly id: string;
  readonly name: string;
  readonly connections: number;
  /** Start, RFC 3339. */
  readonly since: string;
  /** Whether it takes no new connections, because it shuts down. */
  readonly draining: boolean;
  /** Whether it is the node that answers. */
  readonly own: boolean;
  /** Whether it has the settings that all nodes must have in common as the node that answers has them. */
  readonly same_config: boolean;
}

/**
 * The effect of a change: on all nodes; on this node only (`here`), because the others can't be reached, which they
 * make up for later; or none (`unknown`), because there is no such thing.
 */
export type Applied = "everywhere" | "here" | "unknown";

/** A live connection. */
export interface ConnectionInfo {
  readonly id: string;
  /** Id of the node, in a cluster. */
  readonly node?: string;
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
  /** In a cluster: a message to the other nodes has come back recently, and their bans and revocations are loaded. */
  readonly cluster?: boolean;
}

/** An event for the subscribers of a declared topic. */
export interface EventPublication {
  readonly topic: string;
  readonly event: string;
  /** Parsed by the event's schema. */
  readonly data: unknown;
  /** Subprotocol of the module that declares the topic. Absent: the only one that does. */
  readonly module?: string | undefined;
}

/** The outcome of an event: the number of connections that it was sent to, or why it was not sent. */
export type EventOutcome =
  | { readonly delivered: number; readonly coverage?: Coverage }
  | { readonly refused: "unknown_module" | "unknown_topic" | "unknown_event" | "overloaded" | "failed" | "timeout" }
  | { readonly refused: "ambiguous_module"; readonly modules: readonly string[] }
  | { readonly refused: "invalid_data"; readonly issues: unknown };

/** The view and the actions that the server offers its operators. */
export interface OpsTarget {
  ready(): Conditions | Promise<Conditions>;
  permissions(): PermissionReport;
  /** The live nodes, of which a single node is one. */
  nodes(): OfNodes<readonly NodeStatus[]>;
  connections(): Promise<OfNodes<readonly ConnectionInfo[]>>;
  /** Closes a connection of any node with 1008 `kicked`. False if no node that answers has it. */
  kick(id: string): Promise<OfNodes<boolean>>;
  /**
   * Stores a revocation until `expiresAt` (milliseconds since the epoch; default: the maximum lifetime of a token) and
   * closes the affected sessions, on all nodes. A `sub` covers the user's tokens issued until now.
   *
   * @returns the number of closed sessions
   */
  revoke(target: RevocationTarget, expiresAt?: number): Promise<OfNodes<number> & { readonly applied: Applied }>;
  /** The revocations of the operations interface; those of `auth.revoked_file` are only counted. */
  listRevocations(): OfNodes<readonly RevocationInfo[]>;
  /** Of this node. */
  revokedFileLines(): number;
  /** `unknown` if the operations interface made no such revocation. */
  liftRevocation(key: string): Promise<Applied>;
  bans(): OfNodes<readonly BanInfo[]>;
  liftBan(key: string): Promise<Applied>;
  /**
   * Sends a notification to a topic's subscribers, on every node, in modules that declare no topics. False if another
   * module declares the topic, and only that one has subscribers.
   */
  publish(topic: string, method: string, params: unknown): Promise<OfNodes<boolean>>;
  /** Sends an event, as its schema in the module leaves it. */
  publishEvent(publication: EventPublication): Promise<EventOutcome>;
}
