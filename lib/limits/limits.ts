import type { Log } from "../ops/log.ts";
import type { Telemetry } from "../ops/telemetry.ts";
import type { Store } from "../store/store.ts";
import { addressKey } from "./address.ts";
import { Bans, type BanSettings } from "./bans.ts";
import type { Rate } from "./bucket.ts";
import { type Shared, SharedLimits } from "./session_limits.ts";
import { BucketTable, type TableOptions } from "./table.ts";
import { Violations } from "./violations.ts";

export { addressKey, AddressSet } from "./address.ts";
export { type Ban, Bans } from "./bans.ts";
export { type Rate, TokenBucket } from "./bucket.ts";
export { LoadSampler } from "./load_sampler.ts";
export { type Load, memoryThreshold, OverloadController, type OverloadThresholds } from "./overload.ts";
export { TurnBudget, Turns } from "./turns.ts";

/** Which bucket refused. */
export type Scope = "ip" | "connection" | "user" | "method" | "bytes";

/**
 * The answer to an inbound message: null if it may go on. `retryAfterMs` is a whole number of milliseconds, at least 1, after
 * which the same would pass, all its buckets considered, if nothing else is spent meanwhile. `action` is what to do under
 * `on_exceed`: with `reject` answer -32001 and count a violation, with `delay` stop reading for that time and ask again.
 */
export type Verdict = null | {
  readonly scope: Scope;
  readonly retryAfterMs: number;
  readonly action: "reject" | "delay";
};

/** `[limits]` of the configuration, in milliseconds and bytes. */
export interface LimitSettings extends BanSettings {
  readonly handshake: Readonly<Rate>;
  readonly ip: Readonly<Rate>;
  readonly connection: Readonly<Rate> & { readonly bytes_rate: number; readonly bytes_burst: number };
  readonly user: Readonly<Rate>;
  readonly ticket: Readonly<Rate>;
  readonly types: Readonly<Record<string, Readonly<Rate>>>;
  readonly on_exceed: "reject" | "delay";
  readonly max_violations: number;
}

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

/** The limits of one session. Every call is synchronous, and allocates nothing when it allows. */
export interface SessionLimits {
  /**
   * Once for each inbound message, before it is parsed: one token of the connection, the user and the address, and the
   * message's bytes. All are there and taken, or none is taken.
   */
  message(bytes: number): Verdict;
  /**
   * Once for each request, notification or faulty element in the message (a faulty one costs 1, its method is ""). The
   * message has paid the first token: of the first elements' costs one token is free, the rest is taken from the
   * connection, the user and the address. A method of `limits.types` takes one token more, from its own bucket of this
   * user. All are there and taken, or none is taken.
   */
  call(method: string, cost: number): Verdict;
  /**
   * Once for each ping, pong, and empty or tiny fragment that is not the last. They have a bucket of their own per
   * connection (its rate and burst, but at least 10 a second and 100): a ping or pong costs one token, a fragment a
   * sixteenth, since a message of `max_fragments` is allowed. So one who uses up its messages can still answer pings, and a
   * flood ends in violations. Never delayed: always reject, and count a violation.
   */
  control(bytes: number, kind?: "ping" | "pong" | "fragment"): Verdict;
  /**
   * Counts a violation for the user. True on the `max_violations`-th within a minute: the user is now banned (unless the
   * address is one of `never_ban`), and the session is to be closed with 1008 `rate_limited`.
   */
  violation(): boolean;
  /** To be called when the session ends. */
  release(): void;
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
  readonly #shared: SharedLimits;
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
    const shared: Shared = {
      clock: this.#clock,
      limited: (scope) => deps.telemetry.limited(scope),
      violated: (user, ip, now) => this.#violated(`user:${user}`, ip, now),
    };
    this.#shared = new SharedLimits(settings, shared, deps.table);
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
    const bucket = this.#handshakes.find(addressKey(ip), now);
    const cost = failed ? FAILED_HANDSHAKE_COST : 1;
    const wait = bucket.take(cost, now);
    if (wait === 0) return 0;
    if (failed) bucket.charge(cost, now);
    else this.#deps.telemetry.limited("handshake");
    this.#violated(`ip:${ip}`, ip, now);
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
    return this.#shared.session(ip, user);
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
