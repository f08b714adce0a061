import type { Log } from "../ops/log.ts";
import type { Telemetry } from "../ops/telemetry.ts";
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
  memoryThreshold,
  OverloadController,
  type OverloadOptions,
  type OverloadThresholds,
} from "./overload.ts";
export type { Scope, SessionLimits, Verdict } from "./session_limits.ts";
export type { LimitSettings } from "./settings.ts";
export type { TableOptions } from "./table.ts";
export { TurnBudget, Turns } from "./turns.ts";

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

/** What a failed handshake costs, beside the one token that a handshake takes once it is past the origin check. */
const FAILED_HANDSHAKE_COST = 1.5;

/** Buckets that each `tick` looks at, in each table, to drop those that are full. */
const SWEPT_PER_TICK = 4096;

/** Every limit of one server: buckets by address, user and method, violations and bans. */
export class Limits {
  readonly bans: Bans;
  readonly #deps: LimitDeps;
  readonly #clock: () => number;
  readonly #shared: SharedBuckets;
  readonly #handshakes: BucketTable;
  readonly #tickets: BucketTable;
  readonly #violations: Violations;

  constructor(settings: LimitSettings, deps: LimitDeps) {
    this.#deps = deps;
    this.#clock = deps.monotonic ?? deps.now;
    this.bans = new Bans(settings, deps);
    this.#violations = new Violations(settings.max_violations);
    this.#handshakes = new BucketTable({ ...settings.handshake }, deps.table);
    this.#tickets = new BucketTable({ ...settings.ticket }, deps.table);
    const sessions: SessionDeps = {
      clock: this.#clock,
      limited: (scope) => deps.telemetry.limited(scope),
      violated: (user, ip, now) => this.#violated(`user:${user}`, ip, now),
    };
    this.#shared = new SharedBuckets(settings, sessions, deps.table);
  }

  /**
   * Takes a handshake's token of the address: 0, or the milliseconds until there is one. A refusal counts as a violation of
   * the address, whose `max_violations`-th within a minute bans it.
   *
   * With `failed`, charges a handshake that was refused for what it is (origin, token, subprotocol, bad request; not for
   * 429 or 503): then a failed handshake costs more than a good one, and those over the limit are violations as well.
   */
  handshake(ip: string, failed = false): number {
    const now = this.#clock();
    const address = addressKey(ip);
    const bucket = this.#handshakes.find(address, now);
    const cost = failed ? FAILED_HANDSHAKE_COST : 1;
    const wait = bucket.take(cost, now);
    if (wait === 0) return 0;
    if (failed) bucket.charge(cost, now);
    else this.#deps.telemetry.limited("handshake");
    // By the same key as the bucket, or a /64 full of addresses would never be banned.
    this.#violated(`ip:${address}`, ip, now);
    return wait;
  }

  /**
   * Takes a token for a ticket of the user: 0, or the milliseconds until there is one; then it is a violation, which bans
   * the user in the end (unless `ip` is one of `never_ban`).
   */
  ticket(user: string, ip = ""): number {
    const now = this.#clock();
    const wait = this.#tickets.find(user, now).take(1, now);
    if (wait === 0) return 0;
    this.#deps.telemetry.limited("ticket");
    this.#violated(`user:${user}`, ip, now);
    return wait;
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
    Object.assign(this.#tickets.limit, settings.ticket);
    this.#shared.reconfigure(settings);
  }

  /** Forgets what is over. To be called about once a second. */
  tick(): void {
    const now = this.#clock();
    this.bans.tick();
    this.#violations.sweep(now);
    this.#handshakes.sweep(SWEPT_PER_TICK, now);
    this.#tickets.sweep(SWEPT_PER_TICK, now);
    this.#shared.sweep(SWEPT_PER_TICK, now);
  }

  #violated(key: string, ip: string, now: number): boolean {
    if (!this.#violations.add(key, now)) return false;
    if (!this.bans.exempt(`ip:${ip}`)) this.bans.add(key);
    return true;
  }
}
