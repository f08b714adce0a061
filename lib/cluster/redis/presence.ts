/** The users on each topic over all nodes. */
import type { Presence, SharedState } from "../cluster.ts";
import { LocalPresence } from "../local_presence.ts";
import type { Counted, CountWriter } from "./count_writer.ts";
import type { Link } from "./link.ts";
import type { Liveness } from "./liveness.ts";
import type { Names } from "./partitions.ts";
import { ABANDONED_MS } from "./scripts.ts";

type Present = Awaited<ReturnType<SharedState["present"]>>;

export interface SharedPresenceDeps {
  readonly link: Link;
  readonly names: Names;
  readonly liveness: Liveness;
  readonly writer: () => CountWriter;
}

/** Fields of dead nodes that one call removes, at most. */
const MOST_REMOVED = 1_000;

/** Presence: a hash a topic, with a field for each node and user, and the number of subscriptions as its value. */
export class SharedPresence {
  readonly #deps: SharedPresenceDeps;
  readonly #local = new LocalPresence();
  /** Calls in flight by key; calls for the same topic share one. */
  readonly #reading = new Map<string, Promise<Present>>();

  constructor(deps: SharedPresenceDeps) {
    this.#deps = deps;
  }

  join(module: string, topic: string, user: string): void {
    this.#local.join(module, topic, user);
    this.#deps.writer().changed(this.#counted(module, topic, user));
  }

  leave(module: string, topic: string, user: string): void {
    this.#local.leave(module, topic, user);
    this.#deps.writer().changed(this.#counted(module, topic, user));
  }

  present(module: string, topic: string): Promise<Present> {
    const { partition, key } = this.#place(module, topic);
    const reading = this.#reading.get(key) ?? this.#read(partition, key, module, topic).finally(() => {
      this.#reading.delete(key);
    });
    this.#reading.set(key, reading);
    return reading;
  }

  *all(): Generator<Counted> {
    for (const [module, topic, user] of this.#local.all()) yield this.#counted(module, topic, user);
  }

  async #read(partition: number, key: string, module: string, topic: string): Promise<Present> {
    const { link, liveness } = this.#deps;
    try {
      const counts = await link.script(partition, "counts", [key], []) as string[];
      const live = new Set(liveness.fields());
      const others: Presence[] = [];
      const abandoned: string[] = [];
      for (let i = 0; i < counts.length; i += 3) {
        const [field, count, age] = counts.slice(i, i + 3) as [string, string, string];
        const [node, user] = split(field);
        if (node === liveness.field) continue;
        if (live.has(node)) others.push({ user, connections: Number(count) });
        else if (Number(age) > ABANDONED_MS) abandoned.push(field);
      }
      if (abandoned.length > 0) link.send(partition, ["HDEL", key, ...abandoned.slice(0, MOST_REMOVED)]);
      return { users: sum([...this.#local.users(module, topic), ...others]), partial: false };
    } catch {
      return { users: this.#local.users(module, topic), partial: true };
    }
  }

  #counted(module: string, topic: string, user: string): Counted {
    const { field } = this.#deps.liveness;
    return {
      ...this.#place(module, topic),
      field: `${field}\0${user}`,
      read: () => this.#local.count(module, topic, user),
    };
  }

  #place(module: string, topic: string): { partition: number; key: string } {
    return this.#deps.names.place("present", `${module}\0${topic}`);
  }
}

/** `NODE\0USER`. */
function split(field: string): [node: string, user: string] {
  const at = field.indexOf("\0");
  return [field.slice(0, at), field.slice(at + 1)];
}

/** One entry for each user, in the order of the first. */
function sum(entries: readonly Presence[]): Presence[] {
  const connections = new Map<string, number>();
  for (const entry of entries) connections.set(entry.user, (connections.get(entry.user) ?? 0) + entry.connections);
  return [...connections].map(([user, count]) => ({ user, connections: count }));
}
