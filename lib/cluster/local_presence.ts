/** The users of this node on each topic. */
import type { Presence } from "./cluster.ts";

/** Numbers of subscriptions by topic and user. */
export class LocalPresence {
  readonly #modules = new Map<string, Map<string, Map<string, number>>>();

  /** Counts a subscription, and returns the user's number of subscriptions to the topic. */
  join(module: string, topic: string, user: string): number {
    let topics = this.#modules.get(module);
    if (topics === undefined) this.#modules.set(module, topics = new Map());
    let users = topics.get(topic);
    if (users === undefined) topics.set(topic, users = new Map());
    const count = (users.get(user) ?? 0) + 1;
    users.set(user, count);
    return count;
  }

  /** Removes a subscription, and returns the user's number of subscriptions that are left. */
  leave(module: string, topic: string, user: string): number {
    const topics = this.#modules.get(module);
    const users = topics?.get(topic);
    const count = users?.get(user);
    if (topics === undefined || users === undefined || count === undefined) return 0;
    if (count > 1) {
      users.set(user, count - 1);
      return count - 1;
    }
    users.delete(user);
    if (users.size > 0) return 0;
    topics.delete(topic);
    if (topics.size === 0) this.#modules.delete(module);
    return 0;
  }

  /** The number of subscriptions of a user to a topic. */
  count(module: string, topic: string, user: string): number {
    return this.#modules.get(module)?.get(topic)?.get(user) ?? 0;
  }

  /** The users on a topic, in the order of their first subscription. */
  users(module: string, topic: string): Presence[] {
    const users = this.#modules.get(module)?.get(topic) ?? new Map<string, number>();
    return [...users].map(([user, connections]) => ({ user, connections }));
  }

  /** All entries. */
  *all(): Generator<readonly [module: string, topic: string, user: string]> {
    for (const [module, topics] of this.#modules) {
      for (const [topic, users] of topics) {
        for (const user of users.keys()) yield [module, topic, user];
      }
    }
  }
}
