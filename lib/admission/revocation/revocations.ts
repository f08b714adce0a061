/** Revocations in force, from `revoked_file` and from the operations interface. */
import type { Identity } from "../../gate/gate.ts";
import type { Log } from "../../log/log.ts";
import type { Store } from "../../store/store.ts";
import { nameOf, parseName, type Revocation, RevocationEntries, type RevocationTerm } from "./revocation_entries.ts";
import { formatRevocation, parseRevocation } from "./revocation_form.ts";

export type { Revocation } from "./revocation_entries.ts";

export interface RevocationsDeps {
  /** Wall clock, milliseconds since the epoch. Tokens are judged by it. */
  readonly now: () => number;
  /** Monotonic clock, milliseconds since the epoch, for the duration of revocations. Default `now`. */
  readonly steady?: () => number;
  readonly log: Log;
  /**
   * Default duration of a revocation in milliseconds: `auth.max_age` plus twice `auth.clock_skew`, once for the
   * issuer's clock and once for this one. After that, every token it covers is refused for its age.
   */
  readonly retentionMs: number;
}

/** A revocation of the operations interface. Moments are milliseconds since the epoch. */
export interface KeptRevocation {
  /** `jti:VALUE`, `sub:VALUE` or `before:RFC3339`. */
  readonly key: string;
  /** For a `sub`: tokens issued later are valid. Infinity when all tokens are revoked. */
  readonly issuedUntil?: number;
  readonly expiresAt: number;
}

/** A revocation of the operations interface as nodes tell it one another. Moments are milliseconds since the epoch. */
export interface SharedRevocation {
  /** `jti:VALUE`, `sub:VALUE` or `before:MILLISECONDS`. */
  readonly name: string;
  /** Tokens issued later are valid. Infinity when all tokens are revoked. */
  readonly issuedUntil: number;
  readonly until: number;
}

/** Lines of `revoked_file` that the previous read did not have. `first` contains the first of them. */
export interface FreshLines {
  readonly count: number;
  readonly first: readonly Revocation[];
}

const SPACE = "revocation";
/** The clocks that two nodes measure the same end with differ by less. */
const SAME_END_MS = 1_000;
/**
 * Reads of an unsettled file that are kept. The bound keeps a file that is written continuously from filling the
 * memory.
 */
const MAX_READINGS = 8;

/**
 * The revocations in force: the lines of `revoked_file` as last read, and those of the operations interface, which the
 * store keeps until they expire or are lifted.
 *
 * A lookup costs a constant number of map accesses, so every handshake and every refresh makes one.
 */
export class Revocations {
  readonly #store: Store;
  readonly #deps: RevocationsDeps;
  readonly #steady: () => number;
  readonly #listeners = new Set<(revocation: Revocation | null) => void>();
  /** The settled contents of the file, then later reads, the latest last. */
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
   * Revokes until `expiresAt` (milliseconds since the epoch), and at least until the end of the retention. A `sub`
   * without `issuedUntil` covers the tokens issued until now. With a store on disk, the revocation is on disk before
   * this returns.
   *
   * @returns the revocation as it is in force now
   */
  add(revocation: Revocation, expiresAt?: number): SharedRevocation {
    const { now, retentionMs } = this.#deps;
    const what = "sub" in revocation ? { ...revocation, issuedUntil: revocation.issuedUntil ?? now() } : revocation;
    const from = "before" in what ? Math.max(now(), what.before) : now();
    const lasts = (expiresAt ?? from + retentionMs) - now();
    const term = this.#kept.add(what, this.#steady() + lasts, this.#steady());
    this.#store.set(SPACE, nameOf(what), valueOf(term), term.until);
    this.#store.flush();
    this.#announce(what, "ops");
    return this.#shared(nameOf(what), term);
  }

  /**
   * Takes over a revocation of another node. For two with the same name, the later end and the later moment apply.
   *
   * @returns the revocation as it is in force now; null if its name is invalid
   */
  adopt({ name, issuedUntil, until }: SharedRevocation): SharedRevocation | null {
    const revocation = parseName(name);
    if (revocation === null) return null;
    this.#catchUp();
    const what = "sub" in revocation ? { ...revocation, issuedUntil } : revocation;
    const before = this.#kept.get(name);
    const term = this.#kept.add(what, until - this.#offset, this.#steady());
    const isNew = before === undefined || before.issuedUntil < term.issuedUntil ||
      before.until + SAME_END_MS < term.until;
    if (isNew) {
      this.#store.set(SPACE, name, valueOf(term), term.until);
      this.#announce(what, "cluster");
    }
    return this.#shared(name, term);
  }

  /** Drops a revocation that another node has lifted. */
  adoptLift(name: string): void {
    this.#drop(name);
  }

  /** The revocations of the operations interface in force. */
  *shared(): Iterable<SharedRevocation> {
    this.#catchUp();
    for (const [name, term] of this.#kept.list(this.#steady())) yield this.#shared(name, term);
  }

  /** The revocations of the ops interface that are in force. */
  list(): KeptRevocation[] {
    this.#catchUp();
    return [...this.#kept.list(this.#steady())].flatMap(([name, { until, issuedUntil }]) => {
      const revocation = parseName(name);
      if (revocation === null) return [];
      const expiresAt = until + this.#offset;
      const key = formatRevocation(revocation);
      return ["sub" in revocation ? { key, issuedUntil, expiresAt } : { key, expiresAt }];
    });
  }

  /** How many lines of `revoked_file` are in force. */
  get fileSize(): number {
    return Math.max(0, ...this.#file.map(({ size }) => size));
  }

  /**
   * Lifts a revocation of the operations interface by its {@linkcode KeptRevocation.key}. Returns the lifted one, or null
   * if there is none.
   */
  lift(key: string): SharedRevocation | null {
    const revocation = parseRevocation(key);
    if (typeof revocation === "string") return null;
    const name = nameOf(revocation);
    const term = this.#drop(name);
    if (term === undefined) return null;
    this.#store.flush();
    return this.#shared(name, term);
  }

  /** Whether `revoked_file` contained that line at the last read. */
  inFile(revocation: Revocation): boolean {
    const name = nameOf(revocation);
    return this.#file.some((entries) => entries.has(name));
  }

  /** Adds the lines read from the file to the settled ones, and announces new lines. */
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

  /** The file has settled: lines that it no longer contains are lifted. */
  settleFile(): void {
    this.#file = this.#file.slice(-1);
  }

  /** The configuration no longer names a file. */
  clearFile(): void {
    this.#file = [];
  }

  /** Whether a token of this identity is revoked. */
  isRevoked(identity: Identity): boolean {
    this.#catchUp();
    const now = this.#steady();
    return this.#kept.match(identity, now) || this.#file.some((entries) => entries.match(identity, now));
  }

  /**
   * Calls `listener` synchronously on each new revocation, so that live sessions can be closed. The argument is null
   * after many revocations at once; every session must then be checked. Returns a function that removes the listener.
   */
  onChange(listener: (revocation: Revocation | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many are in force. */
  get size(): number {
    return this.fileSize + this.#kept.size;
  }

  #drop(name: string): RevocationTerm | undefined {
    this.#catchUp();
    const term = this.#kept.get(name);
    this.#kept.delete(name);
    this.#store.delete(SPACE, name);
    return term;
  }

  #shared(name: string, { until, issuedUntil }: RevocationTerm): SharedRevocation {
    return { name, issuedUntil, until: Math.round(until + this.#offset) };
  }

  /** The wall clock's lead on the monotonic one, in milliseconds. */
  get #offset(): number {
    return this.#deps.now() - this.#steady();
  }

  /** The file of the store is available again. It may contain revocations from before the failure. */
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
      ? { sub: revocation.sub, ...issuedUntilIn(revocation.issuedUntil) }
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

/** For the log; without a finite moment, all tokens are revoked. */
function issuedUntilIn(moment = Infinity): { issued_until?: string } {
  return Number.isFinite(moment) ? { issued_until: iso(moment) } : {};
}

function iso(moment: number): string {
  return new Date(moment).toISOString();
}
