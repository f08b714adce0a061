import { addressKey } from "./address.ts";
import { TokenBucket } from "./bucket.ts";
import type { Scope, SessionLimits, Verdict } from "./session_limits.ts";
import type { SharedBuckets } from "./shared_buckets.ts";
import type { SharedBucket } from "./table.ts";
import { VIOLATION_WINDOW_MS } from "./violations.ts";

const FRAGMENT_COST = 1 / 16;

/** Not longer than that is reading stopped: pongs and closes of the client wait behind it too. */
const MAX_DELAY_MS = 10_000;

/** The buckets that one session spends from: its own and those it shares. */
export class SessionBuckets implements SessionLimits {
  readonly #shared: SharedBuckets;
  readonly #address: string;
  readonly #name: string;
  readonly #connection: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #control: TokenBucket;
  readonly #ip: SharedBucket;
  readonly #user: SharedBucket;
  /** Tokens the message has paid that its elements have not used. */
  #paid = 0;
  /** Bytes of the last message. */
  #size = 0;
  /** The user's buckets for methods of `limits.types` that this session has called. */
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

  message(bytes: number): Verdict {
    const now = this.#shared.deps.clock();
    const cost = this.#scale(now);
    const size = bytes * cost;
    const connection = this.#connection.wait(cost, now);
    const volume = this.#bytes.wait(size, now);
    const user = this.#user.wait(cost, now);
    const ip = this.#ip.wait(cost, now);
    if (connection + volume + user + ip > 0) return this.#refuse(connection, volume, user, ip, 0, 0);
    this.#connection.spend(cost);
    this.#bytes.spend(size);
    this.#user.spend(cost);
    this.#ip.spend(cost);
    this.#paid = 1;
    this.#size = bytes;
    return null;
  }

  call(method: string, cost: number): Verdict {
    const own = this.#own(method);
    const covered = cost <= this.#paid;
    if (own === null && covered) {
      this.#paid -= cost;
      return null;
    }
    const now = this.#shared.deps.clock();
    const scale = this.#scale(now);
    const type = own === null ? 0 : own.wait(scale, now);
    if (covered) {
      if (type > 0) return this.#refuse(0, 0, 0, 0, type, this.resend(this.#size, method, cost));
      this.#paid -= cost;
    } else {
      const extra = (cost - this.#paid) * scale;
      const paid = this.#paid * scale;
      const connection = this.#connection.wait(extra, now, paid);
      const user = this.#user.wait(extra, now, paid);
      const ip = this.#ip.wait(extra, now, paid);
      if (connection + user + ip + type > 0) {
        return this.#refuse(connection, 0, user, ip, type, this.resend(this.#size, method, cost));
      }
      this.#paid = 0;
      this.#connection.spend(extra);
      this.#user.spend(extra);
      this.#ip.spend(extra);
    }
    own?.spend(scale);
    return null;
  }

  resend(bytes: number, method: string, cost: number): number {
    const now = this.#shared.deps.clock();
    const scale = this.#scale(now);
    // The message's own token is one of the call's, and is paid even when the call costs nothing.
    const tokens = Math.max(1, cost) * scale;
    return toldAs(Math.max(
      this.#connection.wait(tokens, now),
      this.#bytes.wait(bytes * scale, now),
      this.#user.wait(tokens, now),
      this.#ip.wait(tokens, now),
      this.#own(method)?.wait(scale, now) ?? 0,
    ));
  }

  control(bytes: number, kind: "ping" | "pong" | "fragment" = "ping"): Verdict {
    const now = this.#shared.deps.clock();
    const wait = this.#control.take(kind === "fragment" ? FRAGMENT_COST : 1, now);
    if (wait > 0) return this.#verdict("connection", wait, 0, false);
    // The bytes of fragments are counted with their message.
    if (kind !== "fragment") this.#bytes.charge(bytes, now);
    return null;
  }

  violation(): boolean {
    const now = this.#shared.deps.clock();
    this.#violatedAt = now;
    return this.#shared.deps.violated(this.#name, this.#address, now);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#ip.holders--;
    this.#user.holders--;
    this.#releaseMethods();
  }

  /** The user's bucket for a method of `limits.types`, held from its first use on; null for other methods. */
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

  /** Tokens that one token's worth costs now. */
  #scale(now: number): number {
    const { shrink } = this.#shared;
    if (shrink === 1) return 1;
    return 1 / (now - this.#violatedAt < VIOLATION_WINDOW_MS ? shrink * shrink : shrink);
  }

  /**
   * Names the bucket that takes longest, since only then the same would pass. `resend`: milliseconds until the client may
   * send it all again, where that takes longer than the tokens that are missing now.
   */
  #refuse(connection: number, bytes: number, user: number, ip: number, method: number, resend: number): Verdict {
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
    // Waiting for one method would hold up all the others of the connection.
    return this.#verdict(scope, wait, resend, method === 0);
  }

  #verdict(scope: Scope, wait: number, resend: number, delayable: boolean): Verdict {
    this.#shared.deps.limited(scope);
    // What is delayed is asked about again, not sent again.
    if (delayable && this.#shared.delay && wait <= MAX_DELAY_MS) {
      return { scope, retryAfterMs: toldAs(wait), action: "delay" };
    }
    return { scope, retryAfterMs: Math.max(toldAs(wait), resend), action: "reject" };
  }
}

/** Clients count in whole milliseconds, and never too few. */
function toldAs(wait: number): number {
  return Math.max(1, Math.ceil(wait));
}
