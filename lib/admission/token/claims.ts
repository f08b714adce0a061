/** Checks the claims of a token with a valid signature (RFC 7519 section 4.1). */
import type { Config } from "../../config/config.ts";
import type { Identity } from "../../gate/gate.ts";
import { readRoles } from "./roles.ts";

/** The settings that the claims are checked against. */
export type ClaimRules = Pick<Config["auth"], "issuer" | "audience" | "clock_skew" | "max_age" | "roles_claim">;

/** An identity and whether the token has expired, or the first invalid claim. */
export type ClaimsVerdict =
  | { readonly ok: true; readonly identity: Identity; readonly expired: boolean }
  | { readonly ok: false; readonly detail: string };

/** Maximum length of `sub` and `jti` in UTF-16 units. User ids are part of logs, topics and stores. */
const MAX_NAME_LENGTH = 256;
/** The last second of the year 9999. Later dates are refused as mistakes. */
const MAX_NUMERIC_DATE = 253_402_300_799;

/**
 * Checks the claims at `now` (milliseconds). Expiry is checked last, so that `expired` means that the token is
 * otherwise valid. `exp`, `iat` and `sub` are required. `clock_skew` applies to `nbf`, `iat` and `max_age`, not to
 * `exp`: a session ends at `exp`, so a later token would open a session that ends at once.
 */
export function judgeClaims(claims: Record<string, unknown>, rules: ClaimRules, now: number): ClaimsVerdict {
  const { iss, aud, sub, jti, exp, iat, nbf } = claims;
  if (iss !== rules.issuer) return wrong("iss is not auth.issuer");
  if (!isFor(aud, rules.audience)) return wrong("aud does not name auth.audience");
  if (!isName(sub)) return wrong("sub is not a proper name");
  if (jti !== undefined && !isName(jti)) return wrong("jti is not a proper name");
  if (!isDate(exp)) return wrong("exp is not a date");
  if (!isDate(iat)) return wrong("iat is not a date");
  if (nbf !== undefined && !isDate(nbf)) return wrong("nbf is not a date");
  const issuedAt = iat * 1000;
  if (issuedAt > now + rules.clock_skew) return wrong("iat is in the future");
  if (nbf !== undefined && nbf * 1000 > now + rules.clock_skew) return wrong("nbf is in the future");
  if (now - issuedAt > rules.max_age + rules.clock_skew) return wrong("iat is longer ago than auth.max_age");
  const roles = readRoles(claims, rules.roles_claim);
  if (roles === null) return wrong("auth.roles_claim is not a list of names");
  const expiresAt = exp * 1000;
  const identity = { user: sub, roles, claims, expiresAt, issuedAt, ...(jti === undefined ? {} : { tokenId: jti }) };
  // RFC 7519 section 4.1.4: the token is refused "on or after" exp.
  return { ok: true, identity, expired: now >= expiresAt };
}

function wrong(detail: string): ClaimsVerdict {
  return { ok: false, detail };
}

/** RFC 7519 section 4.1.3: one string, or a list of strings. */
function isFor(aud: unknown, audience: string): boolean {
  if (!Array.isArray(aud)) return aud === audience;
  return aud.every((entry) => typeof entry === "string") && aud.includes(audience);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME_LENGTH && value.isWellFormed() &&
    // deno-lint-ignore no-control-regex -- control characters are what is meant
    !/[\x00-\x1f\x7f-\x9f]/.test(value);
}

function isDate(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MAX_NUMERIC_DATE;
}
