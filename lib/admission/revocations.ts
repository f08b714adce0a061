/** What was issued in good order and shall count no longer. */
import type { Log } from "../ops/log.ts";
import type { Store } from "../store/store.ts";
import type { Identity } from "./identity.ts";

/** One token, all tokens of one user, or all tokens issued before a moment (milliseconds since the epoch). */
export type Revocation = { readonly jti: string } | { readonly sub: string } | { readonly before: number };

export interface RevocationsDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /**
   * How long a revocation is kept when nobody says, in milliseconds: `auth.max_age` plus `auth.clock_skew`, after which
   * every token it can mean is refused for its age.
   */
  readonly retentionMs: number;
}

const SPACE = "revocation";

/**
 * The revocations in force: those of `revoked_file` as the file has them now, and those from the ops interface, kept in the
 * store until they have no more to refuse. A revoked `sub` is shut out until then, tokens issued later included.
 *
 * Asking costs three lookups, so every handshake and every refresh does.
 */
export class Revocations {
  readonly #store: Store;
  readonly #deps: RevocationsDeps;
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  #file = new Entries();
  #kept = new Entries();
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
    const after = new Entries();
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

  #load(): Entries {
    this.#epoch = this.#store.epoch;
    const entries = new Entries();
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

/** Whether a revocation means this identity. */
export function revokes(revocation: Revocation, identity: Identity): boolean {
  if ("jti" in revocation) return identity.tokenId === revocation.jti;
  if ("sub" in revocation) return identity.user === revocation.sub;
  return identity.issuedAt < revocation.before;
}

/** After so many additions, what has expired is forgotten. */
const ADDITIONS_BETWEEN_PURGES = 1024;

/** Revocations by name (`jti:VALUE`, `sub:VALUE`, `before:MILLISECONDS`), each with its end. */
class Entries {
  readonly names = new Map<string, number>();
  /** The latest moment everything before which is revoked. */
  #before: { moment: number; until: number } | null = null;
  #additions = 0;

  add(revocation: Revocation, until: number, now: number): { name: string; until: number } {
    if (++this.#additions % ADDITIONS_BETWEEN_PURGES === 0) {
      for (const [name, end] of this.names) if (end <= now) this.names.delete(name);
    }
    const name = nameOf(revocation);
    const kept = Math.max(until, this.names.get(name) ?? 0);
    this.names.set(name, kept);
    if ("before" in revocation && (this.#before === null || revocation.before >= this.#before.moment)) {
      // The later moment covers the earlier one, so it has to stay for as long.
      this.#before = { moment: revocation.before, until: Math.max(kept, this.#before?.until ?? 0) };
    }
    return { name, until: kept };
  }

  match(identity: Identity, now: number): boolean {
    const { user, tokenId, issuedAt } = identity;
    if (this.#before !== null && issuedAt < this.#before.moment && now < this.#before.until) return true;
    return this.#holds(`sub:${user}`, now) || (tokenId !== undefined && this.#holds(`jti:${tokenId}`, now));
  }

  #holds(name: string, now: number): boolean {
    return (this.names.get(name) ?? 0) > now;
  }
}

function nameOf(revocation: Revocation): string {
  if ("jti" in revocation) return `jti:${revocation.jti}`;
  if ("sub" in revocation) return `sub:${revocation.sub}`;
  return `before:${revocation.before}`;
}

function parseName(name: string): Revocation | null {
  const colon = name.indexOf(":");
  const value = name.slice(colon + 1);
  switch (name.slice(0, colon)) {
    case "jti":
      return { jti: value };
    case "sub":
      return { sub: value };
    case "before":
      return Number.isFinite(Number(value)) ? { before: Number(value) } : null;
    default:
      return null;
  }
}
