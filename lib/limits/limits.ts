/** All limits of one server: buckets, violations, bans. */
import type { Log } from "../log/log.ts";
import type { LimitScope, Telemetry } from "../telemetry/telemetry.ts";
import type { Store } from "../store/store.ts";
import { addressKey } from "./address.ts";
import { Bans } from "./bans.ts";
import { SessionLimits } from "./session_limits.ts";
import { type LimitSettings, type SessionDeps, SharedBuckets } from "./shared_buckets.ts";
import type { SpendingLedger } from "./spending_ledger.ts";
import { BucketTable, type TableOptions } from "./table.ts";
import { Violations } from "./violations.ts";

export { addressKey, AddressSet } from "./address.ts";
export { type Ban, Bans, type BanSettings, type KeptBan, type SharedBan } from "./bans.ts";
export { type Rate, TokenBucket } from "./bucket.ts";
export { LoadSampler, type SamplerOptions } from "./load_sampler.ts";
export {
  type Load,
  LOWER_AFTER_MS,
  OverloadController,
  type OverloadOptions,
  type OverloadThresholds,
} from "./overload.ts";
export { reconnectDelays, type Returning } from "./reconnect_spread.ts";
export { type MemoryLimit, memoryLimits, memoryShare } from "./memory_limit.ts";
export type { SessionLimits, Verdict } from "./session_limits.ts";
export type { LimitSettings, Scope } from "./shared_buckets.ts";
export { SpendingLedger } from "./spending_ledger.ts";
export type { TableOptions } from "./table.ts";
export { TurnBudget, Turns } from "../timing/turns.ts";

export interface LimitDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly store: Store;
  /** Wall clock, milliseconds since the epoch, for bans, which outlive the process. */
  readonly now: () => number;
  /** Monotonic clock, in milliseconds, for buckets. Default `now`. */
  readonly monotonic?: () => number;
  /** Bounds of each table of buckets. `capacity` should be at least `server.max_connections`. */
  readonly table?: TableOptions;
  /**
   * Accounts of the buckets that all nodes share: those of messages and calls by user, address and method, and of
   * handshakes and tickets by user. Absent: the node is alone.
   */
  readonly ledger?: SpendingLedger;
}

/** Cost of a refused HTTP request in the HTTP bucket; an answered request costs 1. */
const VAIN_REQUEST_COST = 1.5;

/**
 * Cost of an offence in handshakes. An honest client must make as many handshakes as this to lose room for one
 * accident.
 */
const OFFENCE_COST = 20;

/** Buckets of each table that one `tick` checks, to drop the full ones. */
const SWEPT_PER_TICK = 4096;

/**
 * Every limit of one server: buckets by address, user and method, violations and bans.
 *
 * Before the user is known, requests spend from buckets of the address. Exceeding those is no violation: an office or a
 * school has one address for many people. An address is banned only for offences, which no honest client commits
 * ({@linkcode Limits.offence}). A user is banned for violations of the user's own sessions.
 */
export class Limits {
  readonly bans: Bans;
  /** Spending that is settled with the other nodes; undefined when the node is alone. */
  readonly ledger: SpendingLedger | undefined;
  readonly #deps: LimitDeps;
  readonly #clock: () => number;
  readonly #shared: SharedBuckets;
  readonly #handshakes: BucketTable;
  readonly #userHandshakes: BucketTable;
  readonly #requests: BucketTable;
  readonly #offences: BucketTable;
  readonly #preflights: BucketTable;
  readonly #tickets: BucketTable;
  readonly #violations: Violations;

  constructor(settings: LimitSettings, deps: LimitDeps) {
    this.#deps = deps;
    this.#clock = deps.monotonic ?? deps.now;
    this.bans = new Bans(settings, deps);
    this.#violations = new Violations(settings.max_violations);
    this.#handshakes = new BucketTable({ ...settings.handshake }, deps.table);
    const { ledger } = deps;
    this.ledger = ledger;
    const ofUser = (space: string) => ledger && { ledger, space };
    this.#userHandshakes = new BucketTable({ ...settings.handshake_user }, deps.table, ofUser("handshake"));
    this.#requests = new BucketTable({ ...settings.handshake }, deps.table);
    this.#offences = new BucketTable({ ...settings.handshake }, deps.table);
    this.#preflights = new BucketTable({ ...settings.ip }, deps.table);
    this.#tickets = new BucketTable({ ...settings.ticket }, deps.table, ofUser("ticket"));
    const sessions: SessionDeps = {
      clock: this.#clock,
      limited: (scope) => deps.telemetry.limited(scope),
      violated: (user, ip, now) => this.#violated(user, ip, now),
    };
    this.#shared = new SharedBuckets(settings, sessions, deps.table, ledger);
  }

  /**
   * Takes a handshake token of the address (`limits.handshake`). Returns 0, or the milliseconds until one is available.
   */
  handshake(ip: string): number {
    return this.#take(this.#handshakes, addressKey(ip), 1, "handshake");
  }

  /** Whether {@linkcode Limits.handshake} would refuse now. */
  exhausted(ip: string): boolean {
    return (this.#handshakes.peek(addressKey(ip))?.wait(1, this.#clock()) ?? 0) > 0;
  }

  /** Returns the address' handshake token after a valid credential. */
  proven(ip: string): void {
    this.#handshakes.peek(addressKey(ip))?.giveBack(1);
  }

  /**
   * Takes a token of the user for a handshake or a `POST /ticket` with a valid credential (`limits.handshake_user`).
   */
  userHandshake(user: string): number {
    return this.#take(this.#userHandshakes, user, 1, "handshake_user");
  }

  /**
   * Takes a token of the address for an HTTP request that is not a handshake. A `vain` request costs half as much
   * again, and is charged even when tokens are missing. The rate is that of handshakes, but the bucket is separate, so
   * that requests that a foreign page causes take nothing from handshakes.
   */
  request(ip: string, vain = false): number {
    const cost = vain ? VAIN_REQUEST_COST : 1;
    return this.#take(this.#requests, addressKey(ip), cost, "handshake", vain);
  }

  /** Takes a token of the address for a preflight: as many as messages of an address (`limits.ip`). */
  preflight(ip: string): number {
    return this.#take(this.#preflights, addressKey(ip), 1, "handshake");
  }

  /**
   * The address sent something that no honest client sends, and that no foreign page can make a browser send. An
   * offence costs as much as twenty handshakes (`limits.handshake`), in a bucket of its own. The `max_violations`-th
   * offence over that limit within a minute bans the address: with the defaults, the twenty-first.
   */
  offence(ip: string): void {
    if (this.bans.exempt(`ip:${ip}`)) return;
    const now = this.#clock();
    const address = addressKey(ip);
    if (this.#offences.find(address, now).take(OFFENCE_COST, now) === 0) return;
    if (this.#violations.add(`ip:${address}`, now)) this.bans.add(`ip:${address}`);
  }

  /** Takes a ticket token of the user. Returns 0, or the milliseconds until one is available. */
  ticket(user: string): number {
    return this.#take(this.#tickets, user, 1, "ticket");
  }

  /** The limits of a new session; the user's and the address's buckets are shared with their other sessions. */
  session(ip: string, user: string): SessionLimits {
    return new SessionLimits(this.#shared, ip, user);
  }

  /**
   * The granted part of the configured rates: 1 normally, less under overload, so that heavy users are slowed first and
   * light users notice nothing. A user with a violation in the last minute gets the square of it.
   */
  get shrink(): number {
    return this.#shared.shrink;
  }

  set shrink(part: number) {
    this.#shared.shrink = part;
  }

  /** Applies changed settings to live sessions at once. Spent tokens stay spent. */
  reconfigure(settings: LimitSettings): void {
    this.bans.reconfigure(settings);
    this.#violations.max = settings.max_violations;
    Object.assign(this.#handshakes.limit, settings.handshake);
    Object.assign(this.#userHandshakes.limit, settings.handshake_user);
    Object.assign(this.#requests.limit, settings.handshake);
    Object.assign(this.#offences.limit, settings.handshake);
    Object.assign(this.#preflights.limit, settings.ip);
    Object.assign(this.#tickets.limit, settings.ticket);
    this.#shared.reconfigure(settings);
  }

  /** Removes expired state. To be called about once a second. */
  tick(): void {
    const now = this.#clock();
    this.bans.tick();
    this.#violations.sweep(now);
    for (const table of this.#tables) table.sweep(SWEPT_PER_TICK, now);
    this.#shared.sweep(SWEPT_PER_TICK, now);
  }

  get #tables(): BucketTable[] {
    return [
      this.#handshakes,
      this.#userHandshakes,
      this.#requests,
      this.#offences,
      this.#preflights,
      this.#tickets,
    ];
  }

  #take(table: BucketTable, key: string, cost: number, scope: LimitScope, anyway = false): number {
    const now = this.#clock();
    const bucket = table.find(key, now);
    const wait = bucket.take(cost, now);
    if (wait === 0) return 0;
    if (anyway) bucket.charge(cost, now);
    this.#deps.telemetry.limited(scope);
    return wait;
  }

  #violated(user: string, ip: string, now: number): boolean {
    const key = `user:${user}`;
    if (!this.#violations.add(key, now)) return false;
    if (!this.bans.spares(ip)) this.bans.add(key);
    return true;
  }
}
