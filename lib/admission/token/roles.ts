/** Reads and writes roles in the claim formats of different issuers. */

/** Bounds on number and length of roles, above what a token of 8 KiB can use. */
const MAX_ROLES = 256;

/**
 * Reads the roles at `claim`: a list, or one string with spaces as in OAuth's `scope` (RFC 6749 section 3.3). The claim
 * is looked up as a whole name first (`https://app.example.com/roles`), then as a path (`realm_access.roles`). A
 * missing claim means no roles; null means a claim of the wrong type.
 */
export function readRoles(claims: Record<string, unknown>, claim: string): readonly string[] | null {
  const value = find(claims, claim);
  if (value === undefined) return [];
  const roles = typeof value === "string" ? value.split(" ").filter((role) => role !== "") : value;
  if (!Array.isArray(roles) || roles.length > MAX_ROLES) return null;
  return roles.every((role) => typeof role === "string" && role !== "") ? [...new Set<string>(roles)] : null;
}

/** Writes roles where {@linkcode readRoles} reads them: as one string for `scope`, otherwise as a list. */
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
