/** Computes the remaining lifetime of a token without trusting the local clock. */

/**
 * Milliseconds until `expiresAtS` (the server's, seconds since the epoch); 0 or less when unknown.
 *
 * The server has just accepted the token, so the remaining lifetime is positive, and at most the difference of its
 * `exp` and `iat`. If the local clock contradicts that, it is wrong, and the token counts as newly issued.
 */
export function lifeLeft(expiresAtS: number, token: string, nowMs: number): number {
  const left = expiresAtS * 1000 - nowMs;
  let life = NaN;
  try {
    // RFC 7519 section 4.1.6
    life = (expiresAtS - JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))).iat) * 1000;
  } catch {
    // The token is no JSON Web Token.
  }
  return left > 0 && !(left > life) ? left : life;
}
