/** The users of this node on each topic. */
import type { Presence } from "./cluster.ts";

/** Numbers of subscriptions by user; only the name where there is one subscription, as on most topics with their own user. */
type Users = string | Map<string, number>;

/** Numbers of subscriptions by topic and user. */
export class LocalPresence {
  readonly #modules = new Map<string, Map<string, Users>>();

  /** Counts a subscription, and returns the user's number of subscriptions to the topic. */
  join(module: string, topic: string, user: string): number {
    let topics = this.#modules.get(module);
    if (topics === undefined) this.#modules.set(module, topics = new Map());
    let users = topics.get(topic);
    if (users === undefined) {
      topics.set(topic, user);
      return 1;
    }
    if (typeof users === "string") topics.set(topic, users = new Map([[users, 1]]));
    const count = (users.get(user) ?? 0) + 1;
    users.set(user, count);
    return count;
  }

  /** Removes a subscription, and returns the user's number of subscriptions that are left. */
  leave(module: string, topic: string, user: string): number {
    const topics = this.#modules.get(module);
    const users = topics?.get(topic);
    const left = countOf(users, user) - 1;
    if (topics === undefined || users === undefined || left < 0) return 0;
    if (typeof users !== "string") {
      if (left > 0) {
        users.set(user, left);
        return left;
      }
      users.delete(user);
      if (users.size > 0) return 0;
    }
    topics.delete(topic);
    if (topics.size === 0) this.#modules.delete(module);
    return 0;
  }

  /** The number of subscriptions of a user to a topic. */
  count(module: string, topic: string, user: string): number {
    return countOf(this.#modules.get(module)?.get(topic), user);
  }

  /** The users on a topic, in the order of their first subscription. */
  users(module: string, topic: string): Presence[] {
    return [...entriesOf(this.#modules.get(module)?.get(topic))]
      .map(([user, connections]) => ({ user, connections }));
  }

  /** All entries. */
  *all(): Generator<readonly [module: string, topic: string, user: string]> {
    for (const [module, topics] of this.#modules) {
      for (const [topic, users] of topics) {
        for (const [user] of entriesOf(users)) yield [module, topic, user];
      }
    }
  }
}

function countOf(users: Users | undefined, user: string): number {
  if (typeof users === "string") return users === user ? 1 : 0;
  return users?.get(user) ?? 0;
}

function entriesOf(users: Users | undefined): Iterable<readonly [user: string, count: number]> {
  return typeof users === "string" ? [[users, 1]] : users ?? [];
}
