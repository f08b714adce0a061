/** A cluster of one node. */
import type { Store } from "../store/store.ts";
import type {
  Backplane,
  Cluster,
  ClusterFigures,
  Control,
  LinkState,
  NodeAnswers,
  NodeDuties,
  NodeInfo,
  NodeRequest,
  SharedState,
  Spending,
} from "./cluster.ts";
import { newNodeId } from "./node_id.ts";
import { LocalPresence } from "./local_presence.ts";

export interface MemoryClusterDeps {
  /** Holds the values of {@linkcode SharedState.put}. */
  readonly store: Store;
  /** The clock of the store, in milliseconds. */
  readonly now: () => number;
}

/** Shared state of one node. */
class MemoryState implements SharedState {
  readonly #deps: MemoryClusterDeps;
  readonly #seats = new Map<string, number>();
  readonly #presence = new LocalPresence();

  constructor(deps: MemoryClusterDeps) {
    this.#deps = deps;
  }

  put(space: string, key: string, value: string, ttlMs: number): Promise<void> {
    this.#deps.store.set(space, key, value, this.#deps.now() + ttlMs);
    return Promise.resolve();
  }

  take(space: string, key: string): Promise<string | undefined> {
    return Promise.resolve(this.#deps.store.take(space, key));
  }

  seat(user: string, cap: number): Promise<"taken" | "full"> {
    const taken = this.#seats.get(user) ?? 0;
    if (taken >= cap) return Promise.resolve("full");
    this.#seats.set(user, taken + 1);
    return Promise.resolve("taken");
  }

  unseat(user: string): void {
    const taken = this.#seats.get(user) ?? 0;
    if (taken > 1) this.#seats.set(user, taken - 1);
    else this.#seats.delete(user);
  }

  join(module: string, topic: string, user: string): void {
    this.#presence.join(module, topic, user);
  }

  leave(module: string, topic: string, user: string): void {
    this.#presence.leave(module, topic, user);
  }

  present(module: string, topic: string): ReturnType<SharedState["present"]> {
    return Promise.resolve({ users: this.#presence.users(module, topic), partial: false });
  }

  settle(_spent: ReadonlyMap<string, Spending>): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map());
  }
}

/** A cluster of one node: topics are delivered within the call, and each call takes effect before it returns. */
export class MemoryCluster implements Cluster {
  readonly kind = "memory";
  readonly node = newNodeId();
  readonly backplane: Backplane;
  readonly state: SharedState;
  readonly control: Control;
  readonly #published = { sent: 0, local: 0, dropped: 0, unknown: 0 };
  readonly #started = Date.now();
  #draining = false;

  constructor(duties: NodeDuties, deps: MemoryClusterDeps) {
    this.state = new MemoryState(deps);
    this.backplane = {
      listen: () => undefined,
      unlisten: () => {},
      publish: (module, topic, text) => {
        this.#published.sent++;
        duties.deliver(module, topic, text);
        return "sent";
      },
    };
    this.control = {
      announce: () => Promise.resolve(true),
      ask: (request) => askOne(this.node, duties, request),
      nodes: (): NodeInfo[] => [
        { ...duties.describe(), id: this.node, since: this.#started, draining: this.#draining, own: true },
      ],
    };
  }

  get figures(): ClusterFigures {
    return { published: this.#published, received: 0, failures: 0, failedCalls: 0, refusedMessages: 0 };
  }

  link(): LinkState {
    return { up: true, forMs: Date.now() - this.#started, loaded: true };
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  leave(): void {
    this.#draining = true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function askOne<T>(node: string, duties: NodeDuties, request: NodeRequest): Promise<NodeAnswers<T>> {
  try {
    return { answers: new Map([[node, await duties.answer(request) as T]]), complete: true, missing: [] };
  } catch {
    return { answers: new Map(), complete: false, missing: [node] };
  }
}
