import type { Due } from "./deadlines.ts";

/** What ends a session by itself, with the close code it ends with. */
export type Ending =
  | { readonly code: 4401; readonly reason: "token_expired" | "session_expired" }
  | { readonly code: 1008; readonly reason: "idle" };

/** Durations in milliseconds; `idle_timeout` 0 means never. */
export interface LifeLimits {
  readonly ping_interval: number;
  readonly idle_timeout: number;
  readonly max_session: number;
}

/** What a life may do to its session. */
export interface Lived {
  /** Sends a ping; false where the platform keeps the connection alive by itself. */
  ping(): boolean;
  /** Called once. */
  expire(ending: Ending): void;
}

/** Later than this, a check judges our own delay rather than the peer. */
const LATE_MS = 1_000;

/**
 * When a session ends without anybody doing anything: its token expires, it has lasted `max_session`, its client sends
 * no message for `idle_timeout`, or answers no ping for two intervals. One deadline at a time, kept by the timing wheel.
 */
export class Life implements Due {
  readonly #limits: LifeLimits;
  readonly #session: Lived;
  readonly #now: () => number;
  /** Of the monotonic clock, as all times here but the token's expiry. */
  readonly #endsAt: number;
  #lastHeard: number;
  #lastMessage: number;
  #pingedAt = -1;
  #expiresAt: number;
  #dueAt = 0;
  #ended = false;

  /** `started` is of the monotonic clock; `expiresAt` and `now` are milliseconds since the epoch. */
  constructor(limits: LifeLimits, session: Lived, started: number, expiresAt: number, now: () => number) {
    this.#limits = limits;
    this.#session = session;
    this.#now = now;
    this.#endsAt = started + limits.max_session;
    this.#lastHeard = started;
    this.#lastMessage = started;
    this.#expiresAt = expiresAt;
  }

  /** Anything came from the peer. */
  heard(at: number): void {
    this.#lastHeard = at;
    this.#pingedAt = -1;
  }

  /** A message came from the peer. */
  messaged(at: number): void {
    this.heard(at);
    this.#lastMessage = at;
  }

  /** The token was replaced. Returns when to check next. */
  renew(expiresAt: number, at: number): number {
    this.#expiresAt = expiresAt;
    return this.next(at);
  }

  /** No further check has an effect. */
  end(): void {
    this.#ended = true;
  }

  check(at: number): number {
    if (this.#ended) return Infinity;
    const ending = this.#judge(at);
    if (ending) {
      this.#ended = true;
      this.#session.expire(ending);
      return Infinity;
    }
    return this.next(at);
  }

  /** The next moment at which anything can be due. */
  next(at: number): number {
    const { idle_timeout, ping_interval } = this.#limits;
    this.#dueAt = Math.min(
      // The wall clock may be set meanwhile, so its share is computed anew at every check, at least once an interval.
      at + Math.max(0, this.#expiresAt - this.#now()),
      this.#endsAt,
      idle_timeout > 0 ? this.#lastMessage + idle_timeout : Infinity,
      at + ping_interval,
      (this.#pingedAt < 0 ? this.#lastHeard : this.#pingedAt) + ping_interval,
    );
    return this.#dueAt;
  }

  #judge(at: number): Ending | null {
    if (this.#now() >= this.#expiresAt) return { code: 4401, reason: "token_expired" };
    if (at >= this.#endsAt) return { code: 4401, reason: "session_expired" };
    const { idle_timeout, ping_interval } = this.#limits;
    if (idle_timeout > 0 && at - this.#lastMessage >= idle_timeout) return { code: 1008, reason: "idle" };
    if (at - this.#lastHeard < ping_interval) return null;
    if (this.#pingedAt >= 0 && at - this.#pingedAt >= ping_interval) {
      if (at - this.#dueAt <= LATE_MS) return { code: 1008, reason: "idle" };
      this.#pingedAt = at; // its answer may be waiting unread, because this process stood still
      return null;
    }
    if (this.#pingedAt < 0) {
      if (this.#session.ping()) this.#pingedAt = at;
      else this.#lastHeard = at;
    }
    return null;
  }
}
