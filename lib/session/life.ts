import type { Due } from "../timing/timing_wheel.ts";

/** What ends a session by itself, with the close code it ends with. */
export type Ending =
  | { readonly code: 4401; readonly reason: "token_expired" | "session_expired" }
  | { readonly code: 4408; readonly reason: "idle" };

/** Durations in milliseconds; `idle_timeout` 0 means never. */
export interface LifeLimits {
  readonly ping_interval: number;
  readonly idle_timeout: number;
  readonly max_session: number;
}

/** What a life may ask of its session and do to it. */
export interface Lived {
  /** Sends a ping; false where the platform keeps the connection alive by itself. */
  ping(): boolean;
  /** Bytes that wait to be taken by the kernel. */
  readonly queued: number;
  /** Bytes that the kernel has taken since the beginning. */
  readonly taken: number;
  /** Called once. */
  expire(ending: Ending): void;
}

/** A ping that was not answered yet. */
interface Ping {
  /** Of the monotonic clock: when it was sent, or when the connection last moved while the ping waited behind data. */
  at: number;
  /** {@linkcode Lived.taken} once the kernel has what was sent before the ping. */
  readonly behind: number;
  /** {@linkcode Lived.taken} at `at`. */
  taken: number;
}

/**
 * The slowest link whose peer is not given up, in bytes per ms (16 KiB/s): what the kernel took and nobody has confirmed may
 * still be under way before a ping, and the kernel does not tell. It holds {@linkcode MAX_UNDER_WAY} at most.
 */
const SLOWEST_LINK = 16 * 1024 / 1000;
const MAX_UNDER_WAY = 1024 * 1024;

/**
 * When a session ends without anybody doing anything: its token expires, it has lasted `max_session`, its client sends
 * no message for `idle_timeout`, or does not answer a ping for an interval. One deadline at a time, kept by the timing
 * wheel.
 *
 * Silence is held against the peer only while it could have been heard. What the server delays stops both clocks: reading
 * that it paused, data that is on its way before a ping, a process that stood still.
 */
export class Life implements Due {
  readonly #limits: LifeLimits;
  readonly #session: Lived;
  readonly #now: () => number;
  /** Of the monotonic clock, as all times here but the token's expiry. */
  readonly #endsAt: number;
  #lastHeard: number;
  #lastMessage: number;
  #ping: Ping | null = null;
  /** {@linkcode Lived.taken} up to which the peer has probably received everything. */
  #confirmed = 0;
  /** Since when nothing is read; -1 while reading. */
  #pausedAt = -1;
  #expiresAt: number;
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
    this.#confirmed = this.#ping?.behind ?? this.#session.taken;
    this.#ping = null;
  }

  /** A message came from the peer. */
  messaged(at: number): void {
    this.heard(at);
    this.#lastMessage = at;
  }

  /** Nothing is read from here on. */
  paused(at: number): void {
    if (this.#pausedAt < 0) this.#pausedAt = at;
  }

  /** Reading goes on. What the peer sent meanwhile is read only now, so it gets a new interval to be heard. */
  resumed(at: number): void {
    if (this.#pausedAt < 0) return;
    this.#lastMessage += at - this.#pausedAt;
    this.#pausedAt = -1;
    this.heard(at);
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

  /** `stalledUntil`: when the process last stood still for a while, and went on. */
  check(at: number, stalledUntil = -Infinity): number {
    if (this.#ended) return Infinity;
    const ending = this.#judge(at, stalledUntil);
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
    const idleAt = this.#pausedAt < 0 && idle_timeout > 0
      // Past when a stall put the judgement off: then once more at the end of the new interval.
      ? later(at, this.#lastMessage + idle_timeout, at + idle_timeout)
      : Infinity;
    return Math.min(
      // The wall clock may be set meanwhile, so its share is computed anew at every check, at least once an interval.
      at + Math.max(0, this.#expiresAt - this.#now()),
      this.#endsAt,
      idleAt,
      at + ping_interval,
      later(at, this.#ping === null ? this.#lastHeard + ping_interval : this.#answerDue(this.#ping)),
    );
  }

  #judge(at: number, stalledUntil: number): Ending | null {
    if (this.#now() >= this.#expiresAt) return { code: 4401, reason: "token_expired" };
    if (at >= this.#endsAt) return { code: 4401, reason: "session_expired" };
    if (this.#pausedAt >= 0) return null;
    const { idle_timeout, ping_interval } = this.#limits;
    // What came while the process stood still may wait unread: everybody has a new interval.
    const sinceStall = at - stalledUntil;
    const idle = idle_timeout > 0 && at - this.#lastMessage >= idle_timeout;
    if (idle && sinceStall >= idle_timeout) return { code: 4408, reason: "idle" };
    if (at - this.#lastHeard < ping_interval) return null;
    if (this.#ping === null) this.#sendPing(at);
    else if (!this.#moved(this.#ping, at) && at >= this.#answerDue(this.#ping) && sinceStall >= ping_interval) {
      return { code: 4408, reason: "idle" };
    }
    return null;
  }

  #sendPing(at: number): void {
    const { taken, queued } = this.#session;
    if (this.#session.ping()) this.#ping = { at, behind: taken + queued, taken };
    else this.#lastHeard = at;
  }

  /** An interval, and what the data on its way takes on a slow link. */
  #answerDue(ping: Ping): number {
    const underWay = Math.min(MAX_UNDER_WAY, this.#session.taken - this.#confirmed);
    return ping.at + this.#limits.ping_interval + underWay / SLOWEST_LINK;
  }

  /**
   * Whether the ping still waited behind data in our own queue, and some of it left. The kernel of a connection with a
   * queue has room again only because the peer's kernel has taken something.
   */
  #moved(ping: Ping, at: number): boolean {
    const { taken } = this.#session;
    if (ping.taken >= ping.behind || taken === ping.taken) return false;
    ping.at = at;
    ping.taken = taken;
    return true;
  }
}

/** `due`, unless it is over: then `otherwise`. */
function later(at: number, due: number, otherwise = Infinity): number {
  return due > at ? due : otherwise;
}
