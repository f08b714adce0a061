/** The deadlines of a session. */
import type { Due } from "../timing/timing_wheel.ts";

/** Reasons for which a session ends without an act of client or operator. */
export type Ending = "token_expired" | "session_expired" | "idle";

/** Durations in milliseconds; `idle_timeout` 0 means never. */
export interface LifeLimits {
  readonly ping_interval: number;
  readonly idle_timeout: number;
  readonly max_session: number;
}

/** The session as its deadlines see it. */
export interface Lived {
  /** Sends a ping. False where the platform sends pings itself. */
  ping(): boolean;
  /** Bytes queued in this process, not yet in the kernel. */
  readonly queued: number;
  /** Bytes passed to the kernel since the beginning. */
  readonly taken: number;
  /** Called once. */
  end(reason: Ending): void;
}

/** An unanswered ping. */
interface Ping {
  /** Monotonic time of the ping, or of the last progress of the connection while the ping was queued behind data. */
  at: number;
  /** {@linkcode Lived.taken} once all data before the ping is in the kernel. */
  readonly behind: number;
  /** {@linkcode Lived.taken} at `at`. */
  taken: number;
}

/**
 * The slowest supported link, in bytes per ms (16 KiB/s). Data in the kernel that no pong has confirmed may still be in
 * transit before a ping. It holds {@linkcode MAX_UNDER_WAY_BYTES} at most.
 */
const SLOWEST_LINK_BYTES_PER_MS = 16 * 1024 / 1000;
const MAX_UNDER_WAY_BYTES = 1024 * 1024;

/**
 * The deadlines of a session: its token expires, it reaches `max_session`, its client sends no message for
 * `idle_timeout`, or does not answer a ping for an interval. The timing wheel keeps one deadline at a time.
 *
 * Silence counts against the peer only while the server could have received data. Delays of the server stop both
 * clocks: paused reading, data in transit before a ping, a process that stood still.
 */
export class Life implements Due {
  readonly #limits: LifeLimits;
  readonly #session: Lived;
  readonly #now: () => number;
  /** Monotonic time, like all times here except the token's expiry. */
  readonly #endsAt: number;
  #lastHeard: number;
  #lastMessage: number;
  #ping: Ping | null = null;
  /** {@linkcode Lived.taken} up to which the peer has confirmed data by a pong. */
  #confirmed = 0;
  /** Monotonic time since when reading is paused; -1 while reading. */
  #pausedAt = -1;
  #expiresAt: number;
  #ended = false;

  /** `started` is a monotonic time; `expiresAt` and `now` are milliseconds since the epoch. */
  constructor(limits: LifeLimits, session: Lived, started: number, expiresAt: number, now: () => number) {
    this.#limits = limits;
    this.#session = session;
    this.#now = now;
    this.#endsAt = started + limits.max_session;
    this.#lastHeard = started;
    this.#lastMessage = started;
    this.#expiresAt = expiresAt;
  }

  /** Data from the peer arrived. */
  heard(at: number): void {
    this.#lastHeard = at;
    this.#confirmed = this.#ping?.behind ?? this.#session.taken;
    this.#ping = null;
  }

  /** A message from the peer arrived. */
  messaged(at: number): void {
    this.heard(at);
    this.#lastMessage = at;
  }

  /** Reading was paused. */
  paused(at: number): void {
    if (this.#pausedAt < 0) this.#pausedAt = at;
  }

  /** Reading was resumed. Data sent during the pause is read only now, so the peer gets a new interval. */
  resumed(at: number): void {
    if (this.#pausedAt < 0) return;
    this.#lastMessage += at - this.#pausedAt;
    this.#pausedAt = -1;
    this.heard(at);
  }

  /** Replaces the token's expiry. Returns the time of the next check. */
  renew(expiresAt: number, at: number): number {
    this.#expiresAt = expiresAt;
    return this.next(at);
  }

  /** Ends the deadlines; further checks have no effect. */
  stop(): void {
    this.#ended = true;
  }

  /** Checks the deadlines. `stalledUntil` is the end of the last stall of the process. */
  check(at: number, stalledUntil = -Infinity): number {
    if (this.#ended) return Infinity;
    const ending = this.#judge(at, stalledUntil);
    if (ending) {
      this.#ended = true;
      this.#session.end(ending);
      return Infinity;
    }
    return this.next(at);
  }

  /** The next moment at which a deadline can be due. */
  next(at: number): number {
    const { idle_timeout, ping_interval } = this.#limits;
    const idleAt = this.#pausedAt < 0 && idle_timeout > 0
      // In the past after a stall that postponed the decision: then once more at the end of the new interval.
      ? later(at, this.#lastMessage + idle_timeout, at + idle_timeout)
      : Infinity;
    return Math.min(
      // The wall clock may be set, so this is recomputed at every check, at least once an interval.
      at + Math.max(0, this.#expiresAt - this.#now()),
      this.#endsAt,
      idleAt,
      at + ping_interval,
      later(at, this.#ping === null ? this.#lastHeard + ping_interval : this.#answerDue(this.#ping)),
    );
  }

  #judge(at: number, stalledUntil: number): Ending | null {
    if (this.#now() >= this.#expiresAt) return "token_expired";
    if (at >= this.#endsAt) return "session_expired";
    if (this.#pausedAt >= 0) return null;
    const { idle_timeout, ping_interval } = this.#limits;
    // Data that arrived during a stall may be unread: every peer gets a new interval.
    const sinceStall = at - stalledUntil;
    const idle = idle_timeout > 0 && at - this.#lastMessage >= idle_timeout;
    if (idle && sinceStall >= idle_timeout) return "idle";
    if (at - this.#lastHeard < ping_interval) return null;
    if (this.#ping === null) this.#sendPing(at);
    else if (!this.#moved(this.#ping, at) && at >= this.#answerDue(this.#ping) && sinceStall >= ping_interval) {
      return "idle";
    }
    return null;
  }

  #sendPing(at: number): void {
    const { taken, queued } = this.#session;
    if (this.#session.ping()) this.#ping = { at, behind: taken + queued, taken };
    else this.#lastHeard = at;
  }

  /** An interval plus the time of the data in transit on a slow link. */
  #answerDue(ping: Ping): number {
    const underWay = Math.min(MAX_UNDER_WAY_BYTES, this.#session.taken - this.#confirmed);
    return ping.at + this.#limits.ping_interval + underWay / SLOWEST_LINK_BYTES_PER_MS;
  }

  /**
   * Whether the ping was still queued behind data in this process, and some of it left. The kernel of a connection with
   * a queue takes data only after the peer's kernel has taken some.
   */
  #moved(ping: Ping, at: number): boolean {
    const { taken } = this.#session;
    if (ping.taken >= ping.behind || taken === ping.taken) return false;
    ping.at = at;
    ping.taken = taken;
    return true;
  }
}

/** `due`, or `otherwise` if `due` has passed. */
function later(at: number, due: number, otherwise = Infinity): number {
  return due > at ? due : otherwise;
}
