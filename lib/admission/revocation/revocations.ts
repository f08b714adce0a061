/** What was issued in good order and shall count no longer. */
import type { Identity } from "../../gate/gate.ts";
import type { Log } from "../../log/log.ts";
import type { Store } from "../../store/store.ts";
import { nameOf, parseName, type Revocation, RevocationEntries, type RevocationTerm } from "./revocation_entries.ts";
import { formatRevocation, parseRevocation } from "./revocation_form.ts";

export type { Revocation } from "./revocation_entries.ts";

export interface RevocationsDeps {
  /** Milliseconds since the epoch, by the clock that tokens are judged by. */
  readonly now: () => number;
  /** Milliseconds since the epoch, by a clock that nobody sets: for how long a revocation lasts. Default `now`. */
  readonly steady?: () => number;
  readonly log: Log;
  /**
   * How long a revocation is kept when nobody says, in milliseconds: `auth.max_age` plus twice `auth.clock_skew`, once for
   * the clock that issued and once for the one that judges; then every token it can mean is refused for its age.
   */
  readonly retentionMs: number;
}

/** A revocation of the ops interface as an operator sees it. Moments are milliseconds since the epoch. */
export interface KeptRevocation {
  /** `jti:VALUE`, `sub:VALUE` or `before:RFC3339`. */
  readonly key: string;
  /** Of a `sub`: tokens issued later are good. Infinity when none is. */
  readonly issuedUntil?: number;
  readonly expiresAt: number;
}

/** What a reading of `revoked_file` has that the one before had not; `first` are the first of them. */
export interface FreshLines {
  readonly count: number;
  readonly first: readonly Revocation[];
}

const SPACE = "revocation";
/** Readings of a file that is being written that are kept: a file that is written to all the time must not fill the memory. */
const MAX_READINGS = 8;

/**
 * The revocations in force: those of `revoked_file` as the file has them now, and those from the ops interface, kept in the
 * store until they have no more to refuse or are lifted.
 *
 * Asking costs a few lookups, however many there are, so every handshake and every refresh does.
 */
export class Revocations {
  readonly #store: Store;
  readonly #deps: RevocationsDeps;
  readonly #steady: () => number;
  readonly #listeners = new Set<(revocation: Revocation | null) => void>();
  /** The file as it last was when nobody wrote to it, then what was read of it since, the latest last. */
  #file: readonly RevocationEntries[] = [];
  #kept: RevocationEntries;
  #epoch = 0;

  constructor(store: Store, deps: RevocationsDeps) {
    this.#store = store;
    this.#deps = deps;
    this.#steady = deps.steady ?? deps.now;
    this.#kept = this.#load();
  }

  /**
   * Revokes until `expiresAt` (milliseconds since the epoch), for good measure until the retention is over. A `sub` without
   * `issuedUntil` means the tokens issued until now. It is on disk, where the store is, before this returns.
   */
  add(revocation: Revocation, expiresAt?: number): void {
    const { now, retentionMs } = this.#deps;
    const what = "sub" in revocation ? { ...revocation, issuedUntil: revocation.issuedUntil ?? now() } : revocation;
    const from = "before" in what ? Math.max(now(), what.before) : now();
    const lasts = (expiresAt ?? from + retentionMs) - now();
    const term = this.#kept.add(what, this.#steady() + lasts, this.#steady());
    this.#store.set(SPACE, nameOf(what), valueOf(term), term.until);
    this.#store.flush();
    this.#announce(what, "ops");
  }

  /** The revocations of the ops interface that are in force. */
  list(): KeptRevocation[] {
    this.#catchUp();
    const offset = this.#deps.now() - this.#steady();
    return [...this.#kept.list(this.#steady())].flatMap(([name, { until, issuedUntil }]) => {
      const revocation = parseName(name);
      if (revocation === null) return [];
      const expiresAt = until + offset;
      const key = formatRevocation(revocation);
      return ["sub" in revocation ? { key, issuedUntil, expiresAt } : { key, expiresAt }];
    });
  }

  /** How many lines of `revoked_file` are in force. */
  get fileSize(): number {
    return Math.max(0, ...this.#file.map(({ size }) => size));
  }

  /** Lifts the revocation of such a key ({@linkcode KeptRevocation.key}); false if there is none of the ops interface. */
  lift(key: string): boolean {
    const revocation = parseRevocation(key);
    if (typeof revocation === "string") return false;
    this.#catchUp();
    const name = nameOf(revocation);
    const lifted = this.#kept.delete(name);
    this.#store.delete(SPACE, name);
    if (lifted) this.#store.flush();
    return lifted;
  }

  /** Whether `revoked_file` had that line when it was last read. */
  inFile(revocation: Revocation): boolean {
    const name = nameOf(revocation);
    return this.#file.some((entries) => entries.has(name));
  }

  /** Puts what was read from the file in force, beside what it had when it was last settled, and announces what is new. */
  addFile(read: RevocationEntries, { count, first }: FreshLines): void {
    const [settled, ...since] = this.#file;
    this.#file = [...(settled ? [settled] : []), ...since.slice(1 - MAX_READINGS), read];
    if (count === 0) return;
    for (const revocation of first) this.#log(revocation, "revoked_file");
    if (count > first.length) {
      this.#deps.log.info("token.revoked", { source: "revoked_file", more: count - first.length });
    }
    for (const listener of this.#listeners) listener(null);
  }

  /** Nobody writes to the file any more: what it had before and has no longer is lifted. */
  settleFile(): void {
    this.#file = this.#file.slice(-1);
  }

  /** There is no such file any more. */
  clearFile(): void {
    this.#file = [];
  }

  /** Whether a token of this identity counts no longer. */
  isRevoked(identity: Identity): boolean {
    this.#catchUp();
    const now = this.#steady();
    return this.#kept.match(identity, now) || this.#file.some((entries) => entries.match(identity, now));
  }

  /**
   * Calls back on each new revocation, at once, so that live sessions can be closed; with null after many at once, when
   * every session is to be asked about. Returns the end of it.
   */
  onChange(listener: (revocation: Revocation | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many are in force. */
  get size(): number {
    return this.fileSize + this.#kept.size;
  }

  /** The file of the store came back, perhaps with revocations made before it went. */
  #catchUp(): void {
    if (this.#store.epoch === this.#epoch) return;
    const before = this.#kept;
    this.#kept = this.#load();
    for (const [name] of this.#kept.list(this.#steady())) {
      const revocation = before.has(name) ? null : parseName(name);
      if (revocation !== null) this.#announce(revocation, "store");
    }
  }

  #load(): RevocationEntries {
    this.#epoch = this.#store.epoch;
    const entries = new RevocationEntries();
    for (const { key, value, expiresAt } of this.#store.list(SPACE)) {
      const revocation = parseName(key);
      if (revocation !== null) entries.add({ ...revocation, ...issuedUntilOf(value) }, expiresAt, this.#steady());
    }
    return entries;
  }

  #announce(revocation: Revocation, source: string): void {
    this.#log(revocation, source);
    for (const listener of this.#listeners) listener(revocation);
  }

  #log(revocation: Revocation, source: string): void {
    const named = "before" in revocation
      ? { before: iso(revocation.before) }
      : "sub" in revocation
      ? { sub: revocation.sub, ...(revocation.issuedUntil ? { issued_until: iso(revocation.issuedUntil) } : {}) }
      : revocation;
    this.#deps.log.info("token.revoked", { ...named, source });
  }
}

function valueOf({ issuedUntil }: RevocationTerm): string {
  return issuedUntil === Infinity ? "" : JSON.stringify({ issued_until: issuedUntil });
}

function issuedUntilOf(value: string): { issuedUntil?: number } {
  return value === "" ? {} : { issuedUntil: JSON.parse(value).issued_until };
}

function iso(moment: number): string {
  return new Date(moment).toISOString();
}
