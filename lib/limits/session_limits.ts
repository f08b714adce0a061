/** Which bucket refused. */
export type Scope = "ip" | "connection" | "user" | "method" | "bytes";

/**
 * The answer to an inbound message: null if it may go on. `action` is what to do under `on_exceed`: with `reject` answer
 * -32001 and count a violation, with `delay` stop reading for `retryAfterMs` and ask again. `retryAfterMs` is a whole number
 * of milliseconds, at least 1, after which the same would pass, all its buckets considered, if nothing else is spent
 * meanwhile: the same question with `delay`; with `reject` the same element in a message of its own, whose token and bytes
 * (those of the message it came in) are to be paid again. A message that is refused before it is read counts as cheap: ask
 * `resend` once its calls are known.
 */
export type Verdict = null | {
  readonly scope: Scope;
  readonly retryAfterMs: number;
  readonly action: "reject" | "delay";
  /**
   * It is no violation of the user: only the address' bucket, which others share, or the shedding of load refused it. The
   * user's own limits, as configured, would have let it pass.
   */
  readonly excused: boolean;
};

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
   * user. All are there and taken, or none is taken. A cost above the burst of a bucket passes when the bucket is full but for
   * the message's token, and leaves a debt.
   */
  call(method: string, cost: number): Verdict;
  /**
   * Whole milliseconds, at least 1, until a message of so many bytes with one call of the method at this cost would pass, if
   * nothing else is spent meanwhile. Takes nothing.
   */
  resend(bytes: number, method: string, cost: number): number;
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
