/** What was issued in good order and shall count no longer. */
import type { Log } from "../ops/log.ts";
import type { Store } from "../store/store.ts";
import type { Identity } from "./identity.ts";
import { parseName, type Revocation, RevocationEntries } from "./revocation_entries.ts";

export { type Revocation, revokes } from "./revocation_entries.ts";

export interface RevocationsDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /**
   * How long a revocation is kept when nobody says, in milliseconds: `auth.max_age` plus twice `auth.clock_skew`, once for
   * the clock that issued and once for the one that judges; then every token it can mean is refused for its age.
   */
  readonly retentionMs: number;
}

const SPACE = "revocation";

/**
 * The revocations in force: those of `revoked_file` as the file has them now, and those from the ops interface, kept in the
 * store until they have no more to refuse. A revoked `sub` is shut out until then, tokens issued later included.
 *
 * Asking costs a few lookups, however many there are, so every handshake and every refresh does.
 */
export class Revocations {
  readonly #store: Store;
  readonly #deps: RevocationsDeps;
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  #file = new RevocationEntries();
  #kept = new RevocationEntries();
  #epoch: number;

  constructor(store: Store, deps: RevocationsDeps) {
    this.#store = store;
    this.#deps = deps;
    this.#epoch = store.epoch;
    this.#kept = this.#load();
  }

  /**
   * Revokes until `expiresAt` (milliseconds since the epoch), for good measure until the retention is over. It is on disk,
   * where the store is, before this returns.
   */
  add(revocation: Revocation, expiresAt?: number): void {
    const { now, retentionMs } = this.#deps;
    const from = "before" in revocation ? Math.max(now(), revocation.before) : now();
    const until = expiresAt ?? from + retentionMs;
    const { name, until: kept } = this.#kept.add(revocation, until, now());
    this.#store.set(SPACE, name, "", kept);
    this.#store.flush();
    this.#announce(revocation, "ops");
  }

  /** Puts the file's revocations in the place of those it had before, and announces the new ones. */
  replaceFile(revocations: Iterable<Revocation>): void {
    const before = this.#file;
    const after = new RevocationEntries();
    const fresh: Revocation[] = [];
    for (const revocation of revocations) {
      const { name } = after.add(revocation, Infinity, 0);
      if (!before.names.has(name)) fresh.push(revocation);
    }
    this.#file = after;
    for (const revocation of fresh) this.#announce(revocation, "revoked_file");
  }

  /** Whether a token of this identity counts no longer. */
  isRevoked(identity: Identity): boolean {
    const now = this.#deps.now();
    if (this.#store.epoch !== this.#epoch) this.#catchUp();
    return this.#file.match(identity, now) || this.#kept.match(identity, now);
  }

  /** Calls back on each new revocation, at once, so that live sessions can be closed. Returns the end of it. */
  onChange(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many are in force. */
  get size(): number {
    return this.#file.names.size + this.#kept.names.size;
  }

  /** The file of the store came back, perhaps with revocations made before it went. */
  #catchUp(): void {
    const before = this.#kept;
    this.#kept = this.#load();
    for (const name of this.#kept.names.keys()) {
      const revocation = before.names.has(name) ? null : parseName(name);
      if (revocation !== null) this.#announce(revocation, "store");
    }
  }

  #load(): RevocationEntries {
    this.#epoch = this.#store.epoch;
    const entries = new RevocationEntries();
    for (const { key, expiresAt } of this.#store.list(SPACE)) {
      const revocation = parseName(key);
      if (revocation !== null) entries.add(revocation, expiresAt, this.#deps.now());
    }
    return entries;
  }

  #announce(revocation: Revocation, source: string): void {
    const fields = "before" in revocation ? { before: new Date(revocation.before).toISOString() } : revocation;
    this.#deps.log.info("token.revoked", { ...fields, source });
    for (const listener of this.#listeners) listener(revocation);
  }
}
