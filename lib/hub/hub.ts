/**
 * Topics inside one process: who is subscribed, who is present, and messages to all of them.
 *
 * A message reaches the subscribers of the moment of `publish`, in the order of their subscription, and each of them
 * in the order of publication. A subscriber that can't take it deals with that itself; the others don't wait.
 */
import { SharedText } from "../websocket/websocket.ts";

/** One connection, as the hub sees it. `deliver` may not throw and may unsubscribe. */
export interface Subscriber {
  readonly userId: string;
  deliver(message: SharedText): void;
}

/** One user on a topic, with the number of its connections there. */
export interface Presence {
  readonly user: string;
  readonly connections: number;
}

export class Hub {
  readonly #topics = new Map<string, Set<Subscriber>>();

  /** Number of topics with at least one subscriber. */
  get topics(): number {
    return this.#topics.size;
  }

  subscribe(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers) subscribers.add(subscriber);
    else this.#topics.set(topic, new Set([subscriber]));
  }

  unsubscribe(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers?.delete(subscriber) && subscribers.size === 0) this.#topics.delete(topic);
  }

  /** Sends `text` to the topic's subscribers, encoded once. Returns how many there were. */
  publish(topic: string, text: string): number {
    const subscribers = this.#topics.get(topic);
    if (!subscribers) return 0;
    const message = new SharedText(text);
    // A copy, since a subscriber that is closed by this message leaves the set.
    const receivers = [...subscribers];
    for (const subscriber of receivers) subscriber.deliver(message);
    return receivers.length;
  }

  /** The users on a topic, in the order of their first subscription. */
  presence(topic: string): Presence[] {
    const connections = new Map<string, number>();
    for (const { userId } of this.#topics.get(topic) ?? []) {
      connections.set(userId, (connections.get(userId) ?? 0) + 1);
    }
    return [...connections].map(([user, count]) => ({ user, connections: count }));
  }
}
