/**
 * The rule for an entry of `admission.origins`: a serialised origin (RFC 6454 section 6.2) exactly as browsers send it.
 * Entries are not normalised, because the list is compared exactly.
 */

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([["http:", "80"], ["https:", "443"]]);

/** The error of an origin and its correct form, or null. */
export function originProblem(text: string): string | null {
  const is = `is ${JSON.stringify(text)}, `;
  if (text.includes("*")) return `${is}but wildcards are not allowed: list each origin`;
  if (text.toLowerCase() === "null") {
    return `${is}but "null" stands for every sandboxed page and file, it is never allowed: list real origins`;
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1];
  if (scheme === undefined) return `${is}must be scheme, host and optional port, such as "https://app.example.com"`;
  if (/^wss?$/i.test(scheme)) {
    return `${is}but an origin is that of the page, not of the socket: write ${
      scheme.length === 3 ? "https" : "http"
    }://`;
  }
  if (!/^https?$/i.test(scheme)) return `${is}but the scheme of an origin must be http or https`;
  const rest = text.slice(scheme.length + 3);
  if (rest.includes("@")) return `${is}but an origin has no user or password: leave out everything up to the @`;
  if (rest.endsWith("/") && rest.indexOf("/") === rest.length - 1) return `${is}leave out the trailing slash`;
  if (/[/\\]/.test(rest)) return `${is}but an origin has no path: leave out everything after the host and port`;
  if (/[?#]/.test(rest)) return `${is}but an origin has no query or fragment: leave it out`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return `${is}but its host or port is not valid, must be such as "https://app.example.com" or "https://[2001:db8::1]:8443"`;
  }
  // deno-lint-ignore no-control-regex -- the ASCII range is meant
  if (!/^[\x00-\x7f]*$/.test(text)) return `${is}but browsers send the ASCII form: write "${url.origin}"`;
  if (/[A-Z]/.test(text)) return `${is}but browsers send lower case: write "${url.origin}"`;
  if (rest.endsWith(`:${DEFAULT_PORTS.get(url.protocol)}`)) {
    return `${is}but browsers leave out the default port: write "${url.origin}"`;
  }
  return url.origin === text ? null : `${is}but browsers write that differently: write "${url.origin}"`;
}
