/** The limits of one session, made of token buckets. */
import { addressKey } from "./address.ts";
import { TokenBucket } from "./bucket.ts";
import type { Scope, SharedBuckets } from "./shared_buckets.ts";
import type { SharedBucket } from "./table.ts";
import { VIOLATION_WINDOW_MS } from "./violations.ts";

const FRAGMENT_COST = 1 / 16;

/** Maximum time for which reading stops. Pongs and close frames of the client wait too. */
const MAX_DELAY_MS = 10_000;

/**
 * The verdict on an inbound message: null if it may pass. `action` follows `on_exceed`: `reject` means to answer -32001
 * and count a violation; `delay` means to stop reading for `retryAfterMs` and ask again.
 *
 * `retryAfterMs` is a whole number of milliseconds, at least 1, after which the same request passes if nothing else is
 * spent until then. With `delay` that is the same question. With `reject` it is the same element in a message of its
 * own, which pays its token and bytes again. A message that is refused before it is parsed counts as cheap; ask
 * `resend` once its calls are known.
 */
export type Verdict = null | {
  readonly scope: Scope;
  readonly retryAfterMs: number;
  readonly action: "reject" | "delay";
  /**
   * True when the refusal is no violation: only the bucket of the address, which others share, or load shedding
   * refused. The user's own limits as configured would have let the request pass.
   */
  readonly excused: boolean;
};

/**
 * The limits of one session: its own buckets and those it shares. Synchronous; allocates nothing when it allows. A caller
 * that has read the clock of the limits passes its time as `now`.
 */
export class SessionLimits {
  readonly #shared: SharedBuckets;
  readonly #address: string;
  readonly #name: string;
  readonly #connection: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #control: TokenBucket;
  readonly #ip: SharedBucket;
  readonly #user: SharedBucket;
  /** Tokens that the message has paid and its elements have not used. */
  #paid = 0;
  /** Size of the last message in bytes. */
  #size = 0;
  /** The user's buckets for the methods of `limits.types` that this session has called. */
  readonly #methods = new Map<string, SharedBucket>();
  #version: number;
  #violatedAt = -Infinity;
  #released = false;

  constructor(shared: SharedBuckets, ip: string, user: string) {
    const now = shared.deps.clock();
    this.#shared = shared;
    this.#version = shared.version;
    this.#address = ip;
    this.#name = user;
    this.#connection = new TokenBucket(shared.connection, now);
    this.#bytes = new TokenBucket(shared.bytes, now);
    this.#control = new TokenBucket(shared.control, now);
    this.#ip = shared.ips.hold(addressKey(ip), now);
    this.#user = shared.users.hold(user, now);
  }

  /**
   * Called once for each inbound message, before it is parsed. Takes one token of the connection, the user and the
   * address, and the message's bytes: all or none.
   */
  message(bytes: number, now = this.#shared.deps.clock()): Verdict {
    const cost = this.#scale(now);
    const size = bytes * cost;
    const connection = this.#connection.wait(cost, now);
    const volume = this.#bytes.wait(size, now);
    const user = this.#user.wait(cost, now);
    const ip = this.#ip.wait(cost, now);
    if (connection + volume + user + ip > 0) {
      return this.#refuse(connection, volume, user, ip, 0, 0, { tokens: 1, paid: 0, bytes, own: null });
    }
    this.#connection.spend(cost, 1);
    this.#bytes.spend(size, bytes);
    this.#user.spend(cost, 1);
    this.#ip.spend(cost, 1);
    this.#paid = 1;
    this.#size = bytes;
    return null;
  }

  /**
   * Called once for each request, notification or invalid element of the message (an invalid one costs 1, its method is
   * ""). The message has paid the first token: one token of the elements' costs is free, the rest is taken from the
   * connection, the user and the address. A method of `limits.types` takes one more token from its own bucket of this
   * user. All tokens are taken or none. A cost above the burst of a bucket passes when the bucket is full except for
   * the message's token, and leaves a debt.
   */
  call(method: string, cost: number, now = this.#shared.deps.clock()): Verdict {
    const own = this.#own(method);
    const covered = cost <= this.#paid;
    if (own === null && covered) {
      this.#paid -= cost;
      return null;
    }
    const scale = this.#scale(now);
    const type = own === null ? 0 : own.wait(scale, now);
    if (covered) {
      if (type > 0) {
        const asked = { tokens: 0, paid: 0, bytes: 0, own };
        return this.#refuse(0, 0, 0, 0, type, this.resend(this.#size, method, cost, now), asked);
      }
      this.#paid -= cost;
    } else {
      const plain = cost - this.#paid;
      const extra = plain * scale;
      const paid = this.#paid * scale;
      const connection = this.#connection.wait(extra, now, paid);
      const user = this.#user.wait(extra, now, paid);
      const ip = this.#ip.wait(extra, now, paid);
      if (connection + user + ip + type > 0) {
        const asked = { tokens: plain, paid: this.#paid, bytes: 0, own };
        return this.#refuse(connection, 0, user, ip, type, this.resend(this.#size, method, cost, now), asked);
      }
      this.#paid = 0;
      this.#connection.spend(extra, plain);
      this.#user.spend(extra, plain);
      this.#ip.spend(extra, plain);
    }
    own?.spend(scale, 1);
    return null;
  }

  /**
   * Spends tokens of the connection and the user for a call whose work is known when it is done, down to a debt of one burst. The
   * address does not pay, because others share it.
   */
  charge(tokens: number, now = this.#shared.deps.clock()): void {
    this.#connection.charge(tokens, now);
    this.#user.charge(tokens, now);
  }

  /**
   * Whole milliseconds, at least 1, until a message of `bytes` with one call of the method at this cost would pass if
   * nothing else is spent until then. Takes nothing.
   */
  resend(bytes: number, method: string, cost: number, now = this.#shared.deps.clock()): number {
    const scale = this.#scale(now);
    // The message's own token is part of the call's cost, and is paid even when the call costs nothing.
    const tokens = Math.max(1, cost) * scale;
    return toldAs(Math.max(
      this.#connection.wait(tokens, now),
      this.#bytes.wait(bytes * scale, now),
      this.#user.wait(tokens, now),
      this.#ip.wait(tokens, now),
      this.#own(method)?.wait(scale, now) ?? 0,
    ));
  }

  /**
   * Called once for each ping, pong, and each non-final fragment that is empty or tiny. They have a bucket of their own
   * per connection (its rate and burst, but at least 10 a second and 100). A ping or pong costs one token, a fragment a
   * sixteenth, because a message of `max_fragments` is allowed. A client that has used up its messages can still answer
   * pings, and a flood ends in violations. Never `delay`: always `reject`, and a violation.
   */
  control(bytes: number, kind: "ping" | "pong" | "fragment" = "ping"): Verdict {
    const now = this.#shared.deps.clock();
    const wait = this.#control.take(kind === "fragment" ? FRAGMENT_COST : 1, now);
    if (wait > 0) return { ...this.#limited("connection", wait), action: "reject", excused: false };
    // Bytes of fragments count with their message.
    if (kind !== "fragment") this.#bytes.charge(bytes, now);
    return null;
  }

  /**
   * Counts a violation of the user. Returns true on the `max_violations`-th within a minute: the user is now banned
   * (unless the address is in `never_ban`), and the session must be closed with 1008 `rate_limited`.
   */
  violation(): boolean {
    const now = this.#shared.deps.clock();
    this.#violatedAt = now;
    return this.#shared.deps.violated(this.#name, this.#address, now);
  }

  /** Must be called when the session ends. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#ip.holders--;
    this.#user.holders--;
    this.#releaseMethods();
  }

  /** The user's bucket for a method of `limits.types`, held from its first use; null for other methods. */
  #own(method: string): SharedBucket | null {
    if (this.#version !== this.#shared.version) this.#releaseMethods();
    const held = this.#methods.get(method);
    if (held) return held;
    const table = this.#shared.methods.get(method);
    if (!table || this.#released) return null;
    const bucket = table.hold(this.#name, this.#shared.deps.clock());
    this.#methods.set(method, bucket);
    return bucket;
  }

  #releaseMethods(): void {
    for (const bucket of this.#methods.values()) bucket.holders--;
    this.#methods.clear();
    this.#version = this.#shared.version;
  }

  /** The current price of one token. */
  #scale(now: number): number {
    const { shrink } = this.#shared;
    if (shrink === 1) return 1;
    return 1 / (now - this.#violatedAt < VIOLATION_WINDOW_MS ? shrink * shrink : shrink);
  }

  /**
   * Reports the bucket with the longest wait, because the same request passes only after that. `resend` is the time in
   * milliseconds until the client may send the whole request again, if that is longer.
   */
  #refuse(
    connection: number,
    bytes: number,
    user: number,
    ip: number,
    method: number,
    resend: number,
    asked: Asked,
  ): Verdict {
    const wait = Math.max(connection, bytes, user, ip, method);
    const scope = wait === connection
      ? "connection"
      : wait === bytes
      ? "bytes"
      : wait === user
      ? "user"
      : wait === ip
      ? "ip"
      : "method";
    const limited = this.#limited(scope, wait);
    // A delayed request is retried here, not sent again. Waiting for one method would delay all others.
    if (method === 0 && this.#shared.delay && wait <= MAX_DELAY_MS) {
      return { ...limited, action: "delay", excused: false };
    }
    const retryAfterMs = Math.max(limited.retryAfterMs, resend);
    return { scope, retryAfterMs, action: "reject", excused: this.#excused(asked) };
  }

  #limited(scope: Scope, wait: number): { readonly scope: Scope; readonly retryAfterMs: number } {
    this.#shared.deps.limited(scope);
    return { scope, retryAfterMs: toldAs(wait) };
  }

  /**
   * Whether the user's own buckets would have allowed the refused request without shedding. If so, its plain cost is
   * spent there as if it had passed, so that a session can't use more than its configured rate as an excuse.
   */
  #excused({ tokens, paid, bytes, own }: Asked): boolean {
    const affordable = this.#connection.affords(tokens, paid) && this.#bytes.affords(bytes) &&
      this.#user.affords(tokens, paid) && (own === null || own.affords(1));
    if (!affordable) return false;
    this.#connection.excuse(tokens);
    this.#bytes.excuse(bytes);
    this.#user.excuse(tokens);
    own?.excuse(1);
    return true;
  }
}

/** A refused request at plain cost; `paid` is what the same request has spent before. */
interface Asked {
  readonly tokens: number;
  readonly paid: number;
  readonly bytes: number;
  readonly own: SharedBucket | null;
}

/** Whole milliseconds for the client, rounded up. */
function toldAs(wait: number): number {
  return Math.max(1, Math.ceil(wait));
}
