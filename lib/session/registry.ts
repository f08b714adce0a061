/** The part of a session that the registry uses. */
export interface Registered {
  readonly id: string;
  readonly userId: string;
}

/** All open sessions, by id and by user. */
export class Registry<S extends Registered> {
  readonly #left: (session: S) => void;
  readonly #byId = new Map<string, S>();
  readonly #byUser = new Map<string, Set<S>>();

  /** `left` is called for each session that has ended. */
  constructor(left: (session: S) => void = () => {}) {
    this.#left = left;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(session: S): void {
    this.#byId.set(session.id, session);
    const sessions = this.#byUser.get(session.userId);
    if (sessions) sessions.add(session);
    else this.#byUser.set(session.userId, new Set([session]));
  }

  delete(session: S): void {
    if (!this.#byId.delete(session.id)) return;
    this.#left(session);
    const sessions = this.#byUser.get(session.userId);
    if (sessions?.delete(session) && sessions.size === 0) this.#byUser.delete(session.userId);
  }

  get(id: string): S | undefined {
    return this.#byId.get(id);
  }

  /** The user's sessions. A snapshot, so that sessions may end during an iteration. */
  ofUser(user: string): S[] {
    return [...this.#byUser.get(user) ?? []];
  }

  countOfUser(user: string): number {
    return this.#byUser.get(user)?.size ?? 0;
  }

  /** All sessions. A snapshot, like {@linkcode Registry.ofUser}. */
  all(): S[] {
    return [...this.#byId.values()];
  }
}
