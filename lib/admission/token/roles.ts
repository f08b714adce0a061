/** Roles in the claims of different issuers. */

/** More roles, or longer ones, than any token of 8 KiB sensibly carries. */
const MAX_ROLES = 256;

/**
 * The roles at `claim`: a list, or one text with spaces between them like OAuth's `scope` (RFC 6749 section 3.3). The
 * claim is looked up whole first (`https://app.example.com/roles`), then as a path (`realm_access.roles`).
 * No claim means no roles; null when it is there but of the wrong kind.
 */
export function readRoles(claims: Record<string, unknown>, claim: string): readonly string[] | null {
  const value = find(claims, claim);
  if (value === undefined) return [];
  const roles = typeof value === "string" ? value.split(" ").filter((role) => role !== "") : value;
  if (!Array.isArray(roles) || roles.length > MAX_ROLES) return null;
  return roles.every((role) => typeof role === "string" && role !== "") ? [...new Set<string>(roles)] : null;
}

/** Puts roles where {@linkcode readRoles} finds them; as one text for `scope`, as a list elsewhere. */
export function writeRoles(claims: Record<string, unknown>, claim: string, roles: readonly string[]): void {
  const isPath = /^[^.:/]+(\.[^.:/]+)+$/.test(claim);
  const names = isPath ? claim.split(".") : [claim];
  const last = names.pop() ?? claim;
  let at = claims;
  for (const name of names) {
    const inner: Record<string, unknown> = {};
    at[name] = inner;
    at = inner;
  }
  at[last] = last === "scope" ? roles.join(" ") : [...roles];
}

function find(claims: Record<string, unknown>, claim: string): unknown {
  if (Object.hasOwn(claims, claim)) return claims[claim];
  let value: unknown = claims;
  for (const name of claim.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
