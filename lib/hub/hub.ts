/**
 * The topics of one node: subscriptions, presence, and messages to the subscribers of a topic.
 *
 * Topics belong to a module (its subprotocol): the same name in another module is another topic. A published message
 * passes the backplane, which brings the messages of a topic to all nodes in one order. Here it reaches the current
 * subscribers in the order of their subscription. A subscriber handles its own backpressure; the others don't wait.
 */
import type { Cluster } from "../cluster/cluster.ts";
import { SharedText } from "../websocket/websocket.ts";

/** A connection. `deliver` must not throw and may unsubscribe. */
export interface Subscriber {
  readonly userId: string;
  deliver(message: SharedText, topic: string): void;
}

/** A user on a topic, with the number of the user's connections there. */
export interface Presence {
  readonly user: string;
  readonly connections: number;
  /** The other nodes can't be reached: these are the connections to this node. */
  readonly partial?: true;
}

/** The parts of the cluster that carry topics. */
export type HubCluster = Pick<Cluster, "backplane" | "state">;

/** Bounds on all subscriptions together, and on those of one module. */
export interface HubLimits {
  readonly subscriptions: number;
  readonly moduleSubscriptions: number;
  /** Total length of the names of topics with subscribers, in UTF-16 units. */
  readonly names: number;
  readonly moduleNames: number;
}

/** Average length of a topic's name for which there is room, in UTF-16 units. */
export const NAME_LENGTH = 32;

/** The bounds for so many subscriptions in all and of one module, with room for names of 32 UTF-16 units each. */
export function hubLimits(subscriptions: number, moduleSubscriptions: number): HubLimits {
  return {
    subscriptions,
    moduleSubscriptions,
    names: subscriptions * NAME_LENGTH,
    moduleNames: moduleSubscriptions * NAME_LENGTH,
  };
}

interface ModuleTopics {
  readonly topics: Map<string, Set<Subscriber>>;
  subscriptions: number;
  names: number;
}

export class Hub {
  readonly #limits: HubLimits;
  readonly #cluster: HubCluster;
  readonly #modules = new Map<string, ModuleTopics>();
  /** Topics whose messages don't arrive yet, by module and name. */
  readonly #awaited = new Map<string, Promise<void>>();
  #subscriptions = 0;
  #names = 0;

  constructor(limits: HubLimits, cluster: HubCluster) {
    this.#limits = limits;
    this.#cluster = cluster;
  }

  /** Number of topics with at least one subscriber. */
  get topics(): number {
    let count = 0;
    for (const { topics } of this.#modules.values()) count += topics.size;
    return count;
  }

  /** Number of subscriptions. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Modules with a topic of that name. */
  modulesOf(topic: string): string[] {
    return [...this.#modules].filter(([, { topics }]) => topics.has(topic)).map(([module]) => module);
  }

  /** The number of a topic's subscribers on this node. */
  subscribersOf(module: string, topic: string): number {
    return this.#modules.get(module)?.topics.get(topic)?.size ?? 0;
  }

  /**
   * Resolves when every message that is published from then on, on any node, reaches the subscribers of a topic here, or
   * when the link to the other nodes fails. Undefined: that is so already.
   */
  awaited(module: string, topic: string): Promise<void> | undefined {
    return this.#awaited.size === 0 ? undefined : this.#awaited.get(keyOf(module, topic));
  }

  /** Subscribes. False when a bound is reached; nothing is then subscribed. */
  subscribe(module: string, topic: string, subscriber: Subscriber): boolean {
    const own = this.#modules.get(module) ?? { topics: new Map(), subscriptions: 0, names: 0 };
    const subscribers = own.topics.get(topic);
    if (subscribers?.has(subscriber)) return true;
    const name = subscribers === undefined ? topic.length : 0;
    if (
      own.subscriptions >= this.#limits.moduleSubscriptions || this.#subscriptions >= this.#limits.subscriptions ||
      own.names + name > this.#limits.moduleNames || this.#names + name > this.#limits.names
    ) return false;
    this.#modules.set(module, own);
    this.#count(own, 1, name);
    if (subscribers === undefined) {
      own.topics.set(topic, new Set([subscriber]));
      this.#listen(module, topic);
    } else subscribers.add(subscriber);
    this.#cluster.state.join(module, topic, subscriber.userId);
    return true;
  }

  unsubscribe(module: string, topic: string, subscriber: Subscriber): void {
    const own = this.#modules.get(module);
    const subscribers = own?.topics.get(topic);
    if (own === undefined || !subscribers?.delete(subscriber)) return;
    this.#cluster.state.leave(module, topic, subscriber.userId);
    if (subscribers.size > 0) return this.#count(own, -1, 0);
    own.topics.delete(topic);
    this.#count(own, -1, -topic.length);
    if (own.topics.size === 0) this.#modules.delete(module);
    this.#awaited.delete(keyOf(module, topic));
    this.#cluster.backplane.unlisten(module, topic);
  }

  /**
   * Sends a message in UTF-8, which must not be modified afterwards, to the topic's subscribers on all nodes. On a node
   * that runs alone they have it when this returns.
   *
   * @returns the number of subscribers on this node
   */
  publish(module: string, topic: string, text: Uint8Array): number {
    const subscribers = this.subscribersOf(module, topic);
    this.#cluster.backplane.publish(module, topic, text);
    return subscribers;
  }

  /** Passes a message from the backplane to the topic's subscribers on this node, encoded once. */
  deliver(module: string, topic: string, text: Uint8Array): void {
    const subscribers = this.#modules.get(module)?.topics.get(topic);
    if (!subscribers) return;
    const message = new SharedText(text);
    // A copy: a subscriber that this message closes leaves the set.
    for (const subscriber of [...subscribers]) subscriber.deliver(message, topic);
  }

  /** The users on a topic, over all nodes. */
  async presence(module: string, topic: string): Promise<Presence[]> {
    const { users, partial } = await this.#cluster.state.present(module, topic);
    return partial ? users.map((present) => ({ ...present, partial })) : users;
  }

  #listen(module: string, topic: string): void {
    const established = this.#cluster.backplane.listen(module, topic);
    if (established === undefined) return;
    const key = keyOf(module, topic);
    this.#awaited.set(key, established);
    established.then(() => {
      if (this.#awaited.get(key) === established) this.#awaited.delete(key);
    });
  }

  #count(own: ModuleTopics, subscriptions: number, names: number): void {
    own.subscriptions += subscriptions;
    own.names += names;
    this.#subscriptions += subscriptions;
    this.#names += names;
  }
}

function keyOf(module: string, topic: string): string {
  return `${module}\0${topic}`;
}
