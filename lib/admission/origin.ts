/**
 * Checks of `Origin` (RFC 6454). The origin check is the only defence of a WebSocket against a foreign page that uses
 * the visitor's cookies, so a header either equals an allowed origin or is refused.
 */

/** Scheme, `://`, host, and an optional `:` with a port. The character classes are disjoint, so matching is linear. */
const SERIALISED_REGEXP = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/i;

/** Longer than the longest host name (253), scheme and port together. */
const MAX_LENGTH = 300;

/**
 * Parses an `Origin` header into its canonical form: lower case, without the default port of the scheme. Two origins
 * are the same (RFC 6454 section 5) exactly when their canonical forms are equal.
 *
 * Returns null for everything else: `null`, userinfo, a path (a trailing slash is one), a query, a wildcard, several
 * values, Unicode, percent-encoding, and numbers that stand for an address.
 */
export function parseOrigin(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const match = SERIALISED_REGEXP.exec(text);
  if (match === null || !URL.canParse(text)) return null;
  const url = new URL(text);
  // Browsers send a host as the URL parser serialises it. A host that the parser rewrites ("0x7f.1") is not from a
  // browser.
  return url.hostname === match[2]?.toLowerCase() ? url.origin : null;
}

/** The allowed origins in canonical form. */
export interface OriginSet {
  /** Whether the header is exactly one of the allowed origins. */
  has(header: string): boolean;
  readonly size: number;
}

/**
 * Compiles the set for {@linkcode judgeOrigin}.
 *
 * @throws {TypeError} if an entry is not a serialised origin
 */
export function compileOrigins(origins: readonly string[]): OriginSet {
  const allowed = new Set<string>();
  for (const entry of origins) {
    const origin = parseOrigin(entry);
    if (origin === null) throw new TypeError(`Cannot allow origin ${JSON.stringify(entry)}: not a serialised origin`);
    allowed.add(origin);
  }
  return {
    size: allowed.size,
    has(header) {
      const origin = parseOrigin(header);
      return origin !== null && allowed.has(origin);
    },
  };
}

/**
 * Checks the `Origin` header, null when absent. `mayBeMissing` is for clients that are not browsers: their token is in
 * a header that no browser adds by itself.
 */
export function judgeOrigin(
  header: string | null,
  allowed: OriginSet,
  mayBeMissing: boolean,
): "allowed" | "origin_missing" | "origin_not_allowed" {
  if (header === null) return mayBeMissing ? "allowed" : "origin_missing";
  return allowed.has(header) ? "allowed" : "origin_not_allowed";
}
