/** Times and bounds of the client. In a separate file, so that bundlers inline the numbers. */

/** `WebSocket.OPEN`, which a replacement of the constructor may lack. */
export const OPEN = 1;

export const BACKOFF_MIN_MS = 500;
export const BACKOFF_MAX_MS = 30_000;
/** Maximum time of an attempt, from the token to the answer of `session.whoami`. */
export const ATTEMPT_TIMEOUT_MS = 20_000;
/**
 * Duration of a connection after which earlier failures no longer count, which limits attempts at a server that accepts
 * and closes.
 */
export const STABLE_MS = 10_000;
/** Delay of reconnections of a hidden page: 30 s to 5 min. */
export const HIDDEN_MIN_MS = 30_000;
export const HIDDEN_SPREAD_MS = 270_000;
/** A line that is silent for this time, or up to twice as long, is probed. */
export const SILENCE_MS = 45_000;
export const PROBE_TIMEOUT_MS = 5_000;
export const WAKE_TIMEOUT_MS = 2_000;
/** The part of a token's lifetime after which it is refreshed. */
export const REFRESH_AT = 0.8;
export const REFRESH_MIN_MS = 1_000;
/** Within this time before the token's expiry, a new connection replaces further refreshes. */
export const REFRESH_LAST_MS = 5_000;
/** Maximum delay of platform timers; longer ones fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const CALL_TIMEOUT_MS = 10_000;
export const QUEUE_CALLS = 100;
export const QUEUE_BYTES = 262_144;
/** Above this number of unsent bytes, calls are queued. */
export const BACKLOG_BYTES = 1_048_576;
/** An iteration with more queued events ends with an error, because silently lost events would be worse. */
export const EVENTS_BEHIND = 1_000;
