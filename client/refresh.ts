/** How long a token lasts, without believing the local clock. */

/**
 * Milliseconds until `expiresAtS` (of the server, seconds since the epoch); not above 0 when that can't be known.
 *
 * The server has just taken the token, so it has some life left, and at most what lies between its own `iat` and its end. A
 * local clock that says otherwise is wrong; the token then counts as freshly issued.
 */
export function lifeLeft(expiresAtS: number, token: string, nowMs: number): number {
  const left = expiresAtS * 1000 - nowMs;
  let life = NaN;
  try {
    // RFC 7519 section 4.1.6
    life = (expiresAtS - JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))).iat) * 1000;
  } catch {
    // No JSON Web Token.
  }
  return left > 0 && !(left > life) ? left : life;
}
