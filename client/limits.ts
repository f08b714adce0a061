/** How long the client waits for what, and how much it holds. In a file of their own, so that bundlers put in the numbers. */

export const BACKOFF_MIN_MS = 500;
export const BACKOFF_MAX_MS = 30_000;
/** From the token to the server's word that we are in. */
export const ATTEMPT_TIMEOUT_MS = 20_000;
/** A server that lets in and closes at once is not to be hammered. */
export const STABLE_MS = 10_000;
/** A page that nobody sees comes back within 30 s to 5 min. */
export const HIDDEN_MIN_MS = 30_000;
export const HIDDEN_SPREAD_MS = 270_000;
/** After as long as that, or up to twice as long, a silent line is asked whether it is still there. */
export const SILENCE_MS = 45_000;
export const PROBE_TIMEOUT_MS = 5_000;
export const WAKE_TIMEOUT_MS = 2_000;
/** The share of a token's life that passes before it is refreshed. */
export const REFRESH_AT = 0.8;
export const REFRESH_MIN_MS = 1_000;
/** That long before the token's end, a new connection is safer than another try. */
export const REFRESH_LAST_MS = 5_000;
/** Above it, timers fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const CALL_TIMEOUT_MS = 10_000;
export const QUEUE_CALLS = 100;
export const QUEUE_BYTES = 262_144;
/** With more than that unsent in the socket, calls wait for the outcome of others. */
export const BACKLOG_BYTES = 1_048_576;
/** An iteration that is further behind than that ends with an error: silence about lost events would be worse. */
export const EVENTS_BEHIND = 1_000;
