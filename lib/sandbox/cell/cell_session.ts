/** A session as its cell knows it. */
import type { Connection, Present, User } from "../author/context.ts";

/** Rejects pending promises of a handler whose client has disconnected. It is not logged as a failure. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
  constructor() {
    super("The client left");
  }
}

/** The client may not follow a topic, or too many are followed. A handler that does not catch it answers with `code`. */
export class NotSubscribed extends Error {
  override readonly name = "NotSubscribed";
  constructor(readonly topic: string, readonly code: number) {
    super(`The client does not follow ${JSON.stringify(topic)} (${code})`);
  }
}

/** A question to the front that was not answered yet. */
export type Query =
  | { readonly topic: string; subscribed(): void; reject(error: Error): void }
  | { present(present: Present[]): void; reject(error: Error): void };

export class CellSession {
  user: User;
  readonly connection: Connection;
  readonly state: Record<string, unknown> = {};
  /** Set once the client has left: only `publish` and `log` still do something. */
  left = false;
  /** True until an asynchronous `open` has settled; operations until then are in `waiting`. */
  opening = false;
  waiting: (() => void)[] = [];
  /** Contexts whose signal was read. */
  readonly signals = new Set<{ abort(): void }>();
  readonly #queries = new Map<number, Query>();

  constructor(readonly handle: number, user: User, connection: Connection) {
    this.user = user;
    this.connection = connection;
  }

  /** Keeps a query until it is answered, or the client leaves. */
  asks(id: number, query: Query): void {
    this.#queries.set(id, query);
  }

  /** The front's answer to `ctx.presence`; undefined when it failed. */
  present(id: number, present: Present[] | undefined): void {
    const query = this.#take(id);
    if (query === undefined || !("present" in query)) return;
    if (present === undefined) query.reject(new Error("Presence is not available"));
    else query.present(present);
  }

  /** The front's answer to `ctx.subscribe`: 0, or the JSON-RPC code of the refusal. */
  subscribed(id: number, code: number): void {
    const query = this.#take(id);
    if (query === undefined || !("subscribed" in query)) return;
    if (code === 0) query.subscribed();
    else query.reject(new NotSubscribed(query.topic, code));
  }

  /** The client left. */
  leave(): void {
    this.left = true;
    for (const context of [...this.signals]) context.abort();
    for (const query of this.#queries.values()) query.reject(new ClientLeft());
    this.#queries.clear();
  }

  #take(id: number): Query | undefined {
    const query = this.#queries.get(id);
    this.#queries.delete(id);
    return query;
  }
}
