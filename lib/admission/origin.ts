/**
 * Origins (RFC 6454): which pages may open a connection. This is the only defence a WebSocket has against another site's
 * page using the visitor's cookies, so a header is either exactly an allowed origin or it is refused.
 */

/** scheme `://` host, optional `:` port and nothing else. The classes are disjoint, so matching is linear. */
const SERIALISED_REGEXP = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/i;

/** Longer than any host name (253), scheme and port together. */
const MAX_LENGTH = 300;

/**
 * Reads the value of an `Origin` header into its canonical form: lower case, without the scheme's default port.
 * Two origins are the same (RFC 6454 section 5) exactly when their canonical forms are equal.
 *
 * Null for everything that is not one serialised origin of scheme http or https: `null`, userinfo, a path (a trailing
 * slash is one), query, wildcard, several values, Unicode, percent-encoding, numbers that only stand for an address.
 */
export function parseOrigin(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const match = SERIALISED_REGEXP.exec(text);
  if (match === null || !URL.canParse(text)) return null;
  const url = new URL(text);
  // Browsers send hosts as the URL parser writes them. What it would have to rewrite ("0x7f.1") came from something else.
  return url.hostname === match[2]?.toLowerCase() ? url.origin : null;
}

/** The allowed origins, ready to compare. */
export interface OriginSet {
  /** Whether the header is exactly one of the allowed origins. */
  has(header: string): boolean;
  readonly size: number;
}

/**
 * Makes the set that {@linkcode judgeOrigin} compares with.
 *
 * @throws {TypeError} If an entry is not an origin that could ever be sent.
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
 * Judges the `Origin` header, null when absent. `mayBeMissing` is for clients that are not browsers: they hold a token
 * that no browser adds by itself.
 */
export function judgeOrigin(
  header: string | null,
  allowed: OriginSet,
  mayBeMissing: boolean,
): "allowed" | "origin_missing" | "origin_not_allowed" {
  if (header === null) return mayBeMissing ? "allowed" : "origin_missing";
  return allowed.has(header) ? "allowed" : "origin_not_allowed";
}
