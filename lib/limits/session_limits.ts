/** The kind of the bucket that refused. */
export type Scope = "ip" | "connection" | "user" | "method" | "bytes";

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

/** The limits of one session. Every call is synchronous, and allocates nothing when it allows. */
export interface SessionLimits {
  /**
   * Called once for each inbound message, before it is parsed. Takes one token of the connection, the user and the
   * address, and the message's bytes: all or none.
   */
  message(bytes: number): Verdict;
  /**
   * Called once for each request, notification or invalid element of the message (an invalid one costs 1, its method is
   * ""). The message has paid the first token: one token of the elements' costs is free, the rest is taken from the
   * connection, the user and the address. A method of `limits.types` takes one more token from its own bucket of this
   * user. All tokens are taken or none. A cost above the burst of a bucket passes when the bucket is full except for
   * the message's token, and leaves a debt.
   */
  call(method: string, cost: number): Verdict;
  /**
   * Whole milliseconds, at least 1, until a message of `bytes` with one call of the method at this cost would pass if
   * nothing else is spent until then. Takes nothing.
   */
  resend(bytes: number, method: string, cost: number): number;
  /**
   * Called once for each ping, pong, and each non-final fragment that is empty or tiny. They have a bucket of their own
   * per connection (its rate and burst, but at least 10 a second and 100). A ping or pong costs one token, a fragment a
   * sixteenth, because a message of `max_fragments` is allowed. A client that has used up its messages can still answer
   * pings, and a flood ends in violations. Never `delay`: always `reject`, and a violation.
   */
  control(bytes: number, kind?: "ping" | "pong" | "fragment"): Verdict;
  /**
   * Counts a violation of the user. Returns true on the `max_violations`-th within a minute: the user is now banned
   * (unless the address is in `never_ban`), and the session must be closed with 1008 `rate_limited`.
   */
  violation(): boolean;
  /** Must be called when the session ends. */
  release(): void;
}
