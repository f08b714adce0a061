/** Bans of users and addresses, kept in the store. */
import type { Log } from "../log/log.ts";
import type { Store } from "../store/store.ts";
import { addressKey, AddressSet } from "./address.ts";

/** A ban in force. */
export interface Ban {
  /** `user:NAME` or `ip:ADDRESS`, an IPv6 address as its /64. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Number of consecutive bans, this one included. */
  readonly strikes: number;
}

export interface BanSettings {
  /** Duration of a first ban in milliseconds. It doubles with each consecutive ban, up to a day. */
  readonly ban: number;
  /** Addresses and CIDR blocks that are never banned. Violations from there do not ban a user either. */
  readonly never_ban: readonly string[];
  /** Addresses and CIDR blocks that many clients share, such as those of proxies. They are never banned themselves. */
  readonly shared?: readonly string[];
}

/** A ban with its strikes, as nodes tell it one another. */
export interface SharedBan {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly strikes: number;
}

/** A ban with its canonical key and the end of its strikes, in milliseconds since the epoch. */
export interface KeptBan {
  readonly key: string;
  readonly ban: SharedBan;
  readonly keptUntil: number;
}

interface BanDeps {
  readonly log: Log;
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface BanEntry extends SharedBan {
  until: number;
  /** The ban has ended; the entry is kept for its strikes. */
  over: boolean;
}

const SPACE = "ban";
const DAY_MS = 86_400_000;

/** Minimum time for which strikes are kept after the end of a ban. */
const MEMORY_MS = 3_600_000;

/** Maximum number of entries; above it the entries that end first are removed. */
const MAX_ENTRIES = 65_536;

/**
 * Bans of users and addresses. A ban is consecutive when it begins within an hour of the end of the previous one, or
 * within that one's own duration, whichever is longer; it then lasts twice as long. After that time the strikes are
 * removed. Bans and strikes are in the store, so they survive a restart.
 */
export class Bans {
  /** Called asynchronously after each new ban, not within `add`. */
  onAdded: ((key: string, until: number) => void) | undefined;
  /** Called for each ban that is added here, with the end of its strikes. */
  onShared: ((shared: KeptBan) => void) | undefined;
  readonly #deps: BanDeps;
  readonly #entries = new Map<string, BanEntry>();
  #ban = 0;
  #never = new AddressSet([]);
  #shared = new AddressSet([]);
  #epoch: number;

  constructor(settings: BanSettings, deps: BanDeps) {
    this.#deps = deps;
    this.#epoch = deps.store.epoch;
    this.reconfigure(settings);
    this.#load();
  }

  reconfigure({ ban, never_ban, shared = [] }: BanSettings): void {
    this.#ban = ban;
    this.#never = new AddressSet(never_ban);
    this.#shared = new AddressSet(shared);
    for (const key of [...this.#entries.keys()]) if (this.exempt(key)) this.lift(key);
  }

  /** Remaining milliseconds of the ban of `user:NAME` or `ip:ADDRESS`; 0 if there is none. */
  banned(key: string): number {
    if (this.#entries.size === 0) return 0;
    const name = canonical(key);
    const entry = this.#entries.get(name);
    if (!entry || entry.over || this.exempt(key)) return 0;
    return this.#left(name, entry, this.#deps.now());
  }

  /** Whether `ip:ADDRESS` is never banned. */
  exempt(key: string): boolean {
    if (!key.startsWith("ip:")) return false;
    const address = key.slice(3).replace(/\/64$/, "");
    return this.#never.has(address) || this.#shared.has(address);
  }

  /** Whether the address is in `never_ban`; users are not banned for violations from there. */
  spares(ip: string): boolean {
    return this.#never.has(ip);
  }

  /**
   * Bans `user:NAME` or `ip:ADDRESS` and returns the duration in milliseconds. An existing ban stays as it is, without
   * a strike. An exempt address is not banned (0).
   */
  add(key: string): number {
    if (this.exempt(key)) return 0;
    const name = canonical(key);
    const now = this.#deps.now();
    const before = this.#entries.get(name);
    if (before && !before.over) {
      const left = this.#left(name, before, now);
      if (left > 0) return left;
    }
    const inRow = before !== undefined && now < forgottenAt(before);
    const duration = inRow ? Math.min(before.duration * 2, DAY_MS) : Math.min(this.#ban, DAY_MS);
    const entry = { until: now + duration, duration, strikes: inRow ? before.strikes + 1 : 1, over: false };
    this.#put(name, entry);
    const { until, strikes } = entry;
    this.#deps.log.warn("ban.added", { key: name, until: iso(until), duration_ms: duration, strikes });
    this.#announce(name, until);
    this.onShared?.(this.kept(name)!);
    return duration;
  }

  /**
   * Takes over a ban of another node, or with null its lift. A ban that ends later replaces the one that is known. A ban
   * of an address that is exempt here is ignored.
   */
  adopt(key: string, ban: SharedBan | null): void {
    if (ban === null) return void this.lift(key);
    if (this.exempt(key) || !isBan(ban)) return;
    const name = canonical(key);
    const now = this.#deps.now();
    const before = this.#entries.get(name);
    const { until, duration, strikes } = ban;
    const entry = { until, duration, strikes, over: until <= now };
    if (now >= forgottenAt(entry) || (before !== undefined && before.until >= until)) return;
    this.#put(name, entry);
    if (entry.over) return;
    this.#deps.log.warn("ban.added", {
      key: name,
      until: iso(until),
      duration_ms: duration,
      strikes,
      source: "cluster",
    });
    this.#announce(name, until);
  }

  /** All bans and strikes that are kept. */
  *shared(): Iterable<KeptBan> {
    for (const key of this.#entries.keys()) yield this.kept(key)!;
  }

  /** The ban, or the strikes of a past one. */
  kept(key: string): KeptBan | undefined {
    const name = canonical(key);
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { until, duration, strikes } = entry;
    return { key: name, ban: { until, duration, strikes }, keptUntil: forgottenAt(entry) };
  }

  /** The bans in force. */
  list(): Ban[] {
    const now = this.#deps.now();
    const bans: Ban[] = [];
    for (const [key, entry] of this.#entries) {
      if (!entry.over && this.#left(key, entry, now) > 0) {
        bans.push({ key, until: entry.until, strikes: entry.strikes });
      }
    }
    return bans;
  }

  /** Ends a ban and forgets its strikes; false if there was none in force. */
  lift(key: string): boolean {
    const name = canonical(key);
    const entry = this.#entries.get(name);
    if (!entry) return false;
    const inForce = !entry.over && this.#left(name, entry, this.#deps.now()) > 0;
    this.#forget(name);
    if (inForce) this.#deps.log.info("ban.expired", { key: name, until: iso(entry.until), lifted: true });
    return inForce;
  }

  /** Ends all bans, forgets all strikes, and returns how many bans were in force. */
  liftAll(): number {
    let lifted = 0;
    for (const key of [...this.#entries.keys()]) if (this.lift(key)) lifted++;
    return lifted;
  }

  /** Processes expired entries. To be called about once a second. */
  tick(): void {
    if (this.#epoch !== this.#deps.store.epoch) {
      this.#epoch = this.#deps.store.epoch;
      this.#load();
    }
    const now = this.#deps.now();
    for (const [key, entry] of this.#entries) {
      if (!entry.over) this.#left(key, entry, now);
      else if (now >= forgottenAt(entry)) this.#forget(key);
    }
  }

  #left(key: string, entry: BanEntry, now: number): number {
    // A clock that is set back must not extend a ban.
    if (entry.until - now > entry.duration) entry.until = now + entry.duration;
    if (entry.until > now) return entry.until - now;
    entry.over = true;
    this.#deps.log.info("ban.expired", { key, until: iso(entry.until) });
    return 0;
  }

  #announce(key: string, until: number): void {
    queueMicrotask(() => this.onAdded?.(key, until));
  }

  #forget(key: string): void {
    this.#entries.delete(key);
    this.#deps.store.delete(SPACE, key);
  }

  #makeRoom(): void {
    const byEnd = [...this.#entries].sort(([, a], [, b]) => a.until - b.until);
    for (const [key] of byEnd.slice(0, MAX_ENTRIES / 16)) this.#forget(key);
  }

  #put(key: string, entry: BanEntry): void {
    if (!this.#entries.has(key) && this.#entries.size >= MAX_ENTRIES) this.#makeRoom();
    this.#entries.set(key, entry);
    const { until, duration, strikes } = entry;
    this.#deps.store.set(SPACE, key, JSON.stringify({ until, duration, strikes }), forgottenAt(entry));
  }

  #load(): void {
    for (const { key, value } of this.#deps.store.list(SPACE)) {
      const entry = read(value);
      const known = this.#entries.get(key);
      if (entry && (!known || entry.until > known.until)) this.#entries.set(key, entry);
    }
  }
}

/**
 * Canonical key: `user:NAME` unchanged; `ip:ADDRESS` with the address as limits count it. A /64 may be written in any
 * form.
 */
function canonical(key: string): string {
  return key.startsWith("ip:") ? `ip:${addressKey(key.slice(3).replace(/\/64$/, ""))}` : key;
}

function forgottenAt({ until, duration }: SharedBan): number {
  return until + Math.max(duration, MEMORY_MS);
}

function isBan({ until, duration, strikes }: SharedBan): boolean {
  return [until, duration, strikes].every(Number.isFinite);
}

function read(value: string): BanEntry | null {
  try {
    const { until, duration, strikes } = JSON.parse(value);
    return isBan({ until, duration, strikes }) ? { until, duration, strikes, over: false } : null;
  } catch {
    return null;
  }
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
