/**
 * Topics in one process: subscriptions, presence, and messages to all subscribers of a topic.
 *
 * Topics belong to a module (its subprotocol): the same name in another module is another topic. A message reaches the
 * current subscribers in the order of their subscription, and each subscriber receives messages in the order of
 * publication. A subscriber handles its own backpressure; the others don't wait.
 */
import type { SharedText } from "../websocket/websocket.ts";

/** A connection. `deliver` must not throw and may unsubscribe. */
export interface Subscriber {
  readonly userId: string;
  deliver(message: SharedText, topic: string): void;
}

/** A user on a topic, with the number of the user's connections there. */
export interface Presence {
  readonly user: string;
  readonly connections: number;
}

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
  readonly #modules = new Map<string, ModuleTopics>();
  #subscriptions = 0;
  #names = 0;

  constructor(limits: HubLimits) {
    this.#limits = limits;
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
    if (subscribers === undefined) own.topics.set(topic, new Set([subscriber]));
    else subscribers.add(subscriber);
    this.#modules.set(module, own);
    this.#count(own, 1, name);
    return true;
  }

  unsubscribe(module: string, topic: string, subscriber: Subscriber): void {
    const own = this.#modules.get(module);
    const subscribers = own?.topics.get(topic);
    if (own === undefined || !subscribers?.delete(subscriber)) return;
    if (subscribers.size > 0) return this.#count(own, -1, 0);
    own.topics.delete(topic);
    this.#count(own, -1, -topic.length);
    if (own.topics.size === 0) this.#modules.delete(module);
  }

  /** Sends `message` to the topic's subscribers, encoded once. Returns their number. */
  publish(module: string, topic: string, message: SharedText): number {
    const subscribers = this.#modules.get(module)?.topics.get(topic);
    if (!subscribers) return 0;
    // A copy: a subscriber that this message closes leaves the set.
    const receivers = [...subscribers];
    for (const subscriber of receivers) subscriber.deliver(message, topic);
    return receivers.length;
  }

  /** The users on a topic, in the order of their first subscription. */
  presence(module: string, topic: string): Presence[] {
    const connections = new Map<string, number>();
    for (const { userId } of this.#modules.get(module)?.topics.get(topic) ?? []) {
      connections.set(userId, (connections.get(userId) ?? 0) + 1);
    }
    return [...connections].map(([user, count]) => ({ user, connections: count }));
  }

  #count(own: ModuleTopics, subscriptions: number, names: number): void {
    own.subscriptions += subscriptions;
    own.names += names;
    this.#subscriptions += subscriptions;
    this.#names += names;
  }
}
