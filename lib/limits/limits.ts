import type { Log } from "../log/log.ts";
import type { LimitScope, Telemetry } from "../telemetry/telemetry.ts";
import type { Store } from "../store/store.ts";
import { addressKey } from "./address.ts";
import { Bans } from "./bans.ts";
import { SessionBuckets } from "./session_buckets.ts";
import type { SessionLimits } from "./session_limits.ts";
import type { LimitSettings } from "./settings.ts";
import { type SessionDeps, SharedBuckets } from "./shared_buckets.ts";
import { BucketTable, type TableOptions } from "./table.ts";
import { Violations } from "./violations.ts";

export { addressKey, AddressSet } from "./address.ts";
export { type Ban, Bans, type BanSettings } from "./bans.ts";
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
export type { Scope, SessionLimits, Verdict } from "./session_limits.ts";
export type { LimitSettings } from "./settings.ts";
export type { TableOptions } from "./table.ts";
export { TurnBudget, Turns } from "../timing/turns.ts";

export interface LimitDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly store: Store;
  /** Milliseconds since the epoch: for bans, which outlive the process. */
  readonly now: () => number;
  /** Milliseconds on a clock that nobody sets, for buckets. Default `now`. */
  readonly monotonic?: () => number;
  /** Bounds of each table of buckets. `capacity` should be at least `server.max_connections`. */
  readonly table?: TableOptions;
}

/** What a request that can open nothing costs of the HTTP bucket: more than one that is answered. */
const VAIN_REQUEST_COST = 1.5;

/** What an offence costs, in handshakes: it takes as many honest ones to make room for a single mishap. */
const OFFENCE_COST = 20;

/** Buckets that each `tick` looks at, in each table, to drop those that are full. */
const SWEPT_PER_TICK = 4096;

/**
 * Every limit of one server: buckets by address, user and method, violations and bans.
 *
 * What an address sends before it is known who sends it spends from buckets of the address. Nothing of that is a violation:
 * an office, or a school, has one address for all its people. An address is banned for offences only, which no honest client
 * commits ({@linkcode Limits.offence}); a user for violations of the user's own sessions.
 */
export class Limits {
  readonly bans: Bans;
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
    this.#userHandshakes = new BucketTable({ ...settings.handshake_user }, deps.table);
    this.#requests = new BucketTable({ ...settings.handshake }, deps.table);
    this.#offences = new BucketTable({ ...settings.handshake }, deps.table);
    this.#preflights = new BucketTable({ ...settings.ip }, deps.table);
    this.#tickets = new BucketTable({ ...settings.ticket }, deps.table);
    const sessions: SessionDeps = {
      clock: this.#clock,
      limited: (scope) => deps.telemetry.limited(scope),
      violated: (user, ip, now) => this.#violated(user, ip, now),
    };
    this.#shared = new SharedBuckets(settings, sessions, deps.table);
  }

  /** Takes a handshake's token of the address (`limits.handshake`): 0, or the milliseconds until there is one. */
  handshake(ip: string): number {
    return this.#take(this.#handshakes, addressKey(ip), 1, "handshake");
  }

  /** Whether the address has used up its handshakes, so that {@linkcode Limits.handshake} would refuse now. */
  exhausted(ip: string): boolean {
    return (this.#handshakes.peek(addressKey(ip))?.wait(1, this.#clock()) ?? 0) > 0;
  }

  /** Gives the address its handshake's token back: the credential was valid. */
  proven(ip: string): void {
    this.#handshakes.peek(addressKey(ip))?.giveBack(1);
  }

  /** Takes a token of the user for a handshake, or a `POST /ticket`, with a valid credential (`limits.handshake_user`). */
  userHandshake(user: string): number {
    return this.#take(this.#userHandshakes, user, 1, "handshake_user");
  }

  /**
   * Takes a token of the address for an HTTP request that is no handshake; `vain` ones cost half as much again, and
   * are charged when the tokens are not there as well. As many as handshakes, in a bucket of their own, so that what a
   * foreign page makes a browser send takes nothing from handshakes.
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
   * The address sent what no honest client sends, and what no foreign page can make a browser send. That costs as much as
   * twenty handshakes (`limits.handshake`), in a bucket of its own; the `max_violations`-th offence within a minute that is
   * over it bans the address: the twenty-first with the defaults.
   */
  offence(ip: string): void {
    if (this.bans.exempt(`ip:${ip}`)) return;
    const now = this.#clock();
    const address = addressKey(ip);
    if (this.#offences.find(address, now).take(OFFENCE_COST, now) === 0) return;
    if (this.#violations.add(`ip:${address}`, now)) this.bans.add(`ip:${address}`);
  }

  /** Takes a token for a ticket of the user: 0, or the milliseconds until there is one. */
  ticket(user: string): number {
    return this.#take(this.#tickets, user, 1, "ticket");
  }

  /** The limits of a new session; the user's and the address's buckets are shared with their other sessions. */
  session(ip: string, user: string): SessionLimits {
    return new SessionBuckets(this.#shared, ip, user);
  }

  /**
   * 1 normally. Under overload less: rates count as that part of what is configured, so that those who use most are slowed
   * first and those who use little notice nothing; who violated a limit within the last minute has the square of it.
   */
  get shrink(): number {
    return this.#shared.shrink;
  }

  set shrink(part: number) {
    this.#shared.shrink = part;
  }

  /** Takes over changed settings; live sessions follow at once, what is spent stays spent. */
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

  /** Forgets what is over. To be called about once a second. */
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
