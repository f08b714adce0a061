/**
 * The reaction to each end of an attempt or connection, as data; `docs/client.md` has it as a table.
 *
 * After an end that is not listed here, the client reconnects with growing delays, or when the server says.
 */

/** How an attempt or a connection ended. */
export interface End {
  /** A close code (RFC 6455 section 7.4.1, IANA's registry), an HTTP status, or 0: no answer in time. */
  readonly code: number;
  readonly reason: string;
  /** Absent, 0 or NaN where the server did not say. */
  readonly retryAfterMs?: number;
}

/** Final ends: another attempt would end in the same way. */
export const FINAL: readonly number[] = [400, 403, 404, 405, 426, 431, 1000, 1002, 1003, 1007, 1008, 1009];

/** Reconnect at once with a new token. If that is refused as well, 401 is final, and 4401 leads to growing delays. */
export const TOKEN_REFUSED: readonly number[] = [401, 4401];

/** Temporary errors of a call: rate limit, overload, timeout, a failed handler. Others are denials. */
export const TRANSIENT: readonly number[] = [-32001, -32004, -32005, -32603];

/** A status without a reason comes from a proxy, not from the server, and may be temporary. */
export function isFinal({ code, reason }: End): unknown {
  return FINAL.includes(code) && (code >= 1000 || reason);
}
