/**
 * The interfaces of what nodes share. A node that runs alone uses the implementation in `memory.ts`, several nodes use
 * the one in `redis/`; the rest of the program knows only these interfaces.
 *
 * Nothing here is on the way of a message, except that a published message passes the backplane. A call settles within
 * {@linkcode CALL_MS} whatever happens to the link.
 */

/** Longest time of a call of {@linkcode SharedState}, in milliseconds. */
export const CALL_MS = 250;

/** Longest time that {@linkcode Control.ask} waits for answers, in milliseconds. */
export const ASK_MS = 1_000;

/** The shared state can't be reached, or did not answer in time. The call may have taken effect. */
export class ClusterUnavailable extends Error {
  override readonly name = "ClusterUnavailable";
}

/** Passes a message of a topic to the node's subscribers. Called in the order of the topic. Must not throw. */
export type Deliver = (module: string, topic: string, text: Uint8Array) => void;

/**
 * The outcome of a publication. `sent`: handed over to all nodes. `local`: the link is down, so only this node's
 * subscribers received it. `dropped`: too much is waiting for the link; no subscriber receives it.
 */
export type Published = "sent" | "local" | "dropped";

/**
 * Topics of all nodes. All nodes, the publisher's included, receive the messages of a topic in one order, each message
 * at most once. Messages are lost while the link fails.
 */
export interface Backplane {
  /**
   * Calls {@linkcode NodeDuties.deliver} for each message of the topic from now on. Resolves when that is established,
   * or when it can't be at present; then it is established once the link is up. Undefined: it is established already.
   * Never rejects.
   */
  listen(module: string, topic: string): Promise<void> | undefined;
  unlisten(module: string, topic: string): void;
  /**
   * Sends a message to all nodes that listen. On this node it comes back through {@linkcode NodeDuties.deliver}: within
   * the call in memory, later otherwise. It waits for a pending `listen` of this topic, for at most
   * {@linkcode CALL_MS}. `text` is UTF-8, and must not be modified afterwards.
   */
  publish(module: string, topic: string, text: Uint8Array): Published;
}

/** A user on a topic, with the number of the user's connections there. */
export interface Presence {
  readonly user: string;
  readonly connections: number;
}

/** Tokens that a node spent from a bucket, and the rate at which the bucket refills in tokens a second. */
export interface Spending {
  readonly tokens: number;
  readonly rate: number;
}

/** State that all nodes share. */
export interface SharedState {
  /**
   * Stores a value that can be taken once, for `ttlMs` milliseconds.
   *
   * @throws {ClusterUnavailable}
   */
  put(space: string, key: string, value: string, ttlMs: number): Promise<void>;
  /**
   * Takes a value. Of several calls on all nodes, exactly one gets it.
   *
   * @throws {ClusterUnavailable} the value may be lost
   */
  take(space: string, key: string): Promise<string | undefined>;
  /**
   * Takes one of the `cap` seats that a user has over all nodes. `full` takes none. `unknown`: the link does not
   * answer; a seat of this node is taken, and the caller holds its local cap. Each seat that is taken needs an `unseat`.
   */
  seat(user: string, cap: number): Promise<"taken" | "full" | "unknown">;
  unseat(user: string): void;
  /** Counts a subscription of this node for presence. The other nodes learn of it within about 100 ms. */
  join(module: string, topic: string, user: string): void;
  leave(module: string, topic: string, user: string): void;
  /** The users on a topic. `partial`: the link does not answer, so these are the users of this node. */
  present(module: string, topic: string): Promise<{ readonly users: Presence[]; readonly partial: boolean }>;
  /**
   * Reports what this node spent from each bucket since the last call, 0 included, and resolves to what the other nodes
   * spent since then, without the buckets where that is nothing. Never rejects; without the link, the map is empty and
   * the report is lost.
   */
  settle(spent: ReadonlyMap<string, Spending>): Promise<ReadonlyMap<string, number>>;
}

/** A record that all nodes hold (a ban, a revocation) until `until` (milliseconds since the epoch, `Infinity`). */
export interface Notice {
  readonly kind: string;
  readonly key: string;
  /** Null: the record is lifted. `until` is then the end of the record that is lifted. */
  readonly record: string | null;
  readonly until: number;
}

/** A request to all nodes. `params` is JSON. */
export interface NodeRequest {
  readonly kind: string;
  readonly params?: unknown;
}

/** Answers of the nodes by node id. `missing` contains the ids of nodes that did not answer in time. */
export interface NodeAnswers<T> {
  readonly answers: ReadonlyMap<string, T>;
  /** No node is missing, and the list of nodes is current. */
  readonly complete: boolean;
  readonly missing: readonly string[];
}

/** The part of {@linkcode NodeInfo} that the node itself tells. */
export interface NodeDescription {
  /** For operators, such as the name of the machine. */
  readonly name: string;
  readonly connections: number;
  /** Digest of the settings that all nodes must have in common. */
  readonly fingerprint: string;
}

/** A live node. */
export interface NodeInfo extends NodeDescription {
  readonly id: string;
  /** Start, in milliseconds since the epoch. */
  readonly since: number;
  /** The node takes no new connections. */
  readonly draining: boolean;
  /** Whether it is the node that answers. */
  readonly own: boolean;
}

/** Records that all nodes hold, and requests to all nodes. Other programs with access to the link can't forge them. */
export interface Control {
  /**
   * Tells all nodes of a record that this node has already applied. It is kept for nodes that start or reconnect later.
   * False: the link did not take it within {@linkcode CALL_MS}. It is then announced again once the link is up.
   */
  announce(notice: Notice): Promise<boolean>;
  /** Asks all live nodes, this one included, for at most {@linkcode ASK_MS}. Never rejects. */
  ask<T>(request: NodeRequest): Promise<NodeAnswers<T>>;
  /** The live nodes as last known, this one included. */
  nodes(): readonly NodeInfo[];
}

/** The calls that the cluster makes to its node. None may throw. */
export interface NodeDuties {
  readonly deliver: Deliver;
  /** Applies a record of another node, or of an earlier run. A record may come again; the latest one counts. */
  readonly learn: (notice: Notice) => void;
  /** The records that this node holds, for the case that the link has lost them. */
  readonly held: () => Iterable<Notice>;
  /** Answers a request of a node. The result is JSON; a rejection counts as no answer. */
  readonly answer: (request: NodeRequest) => unknown;
  readonly describe: () => NodeDescription;
}

/** The state of the link to the other nodes. */
export interface LinkState {
  /** A message through the link has come back recently, subscriptions are established, and all records are loaded. */
  readonly up: boolean;
  /** Milliseconds for which `up` has had its value. */
  readonly forMs: number;
  /** Records of the other nodes have been loaded since the start. The node must not be ready before. */
  readonly loaded: boolean;
}

/** Counts since the start. */
export interface ClusterFigures {
  /** Publications by outcome; `unknown`: handed over, but the link failed before it confirmed. */
  readonly published: Readonly<Record<Published | "unknown", number>>;
  /** Messages received from the link. */
  readonly received: number;
  /** Times that the link went down. */
  readonly failures: number;
  /** Calls that did not settle in time or failed. */
  readonly failedCalls: number;
  /** Control messages refused: not signed by a node of this cluster, or too old. */
  readonly refusedMessages: number;
}

/** A node's part of the cluster. */
export interface Cluster {
  readonly kind: "memory" | "redis";
  /** Id of this node: random, new at each start. */
  readonly node: string;
  readonly backplane: Backplane;
  readonly state: SharedState;
  readonly control: Control;
  readonly figures: ClusterFigures;
  link(): LinkState;
  /** Opens the link. Resolves when it is up, or when the first attempt has failed; it is tried again for ever. */
  start(): Promise<void>;
  /** Tells the other nodes that this one drains. Everything still works. */
  leave(): void;
  /** Gives up the seats and presence of this node, and closes the link. */
  close(): Promise<void>;
}
