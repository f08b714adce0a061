/** How people write revocations: lines of `revoked_file`, and the body of `POST /revocations`. */
import type { Revocation } from "./revocations.ts";

const MAX_VALUE_LENGTH = 256;

/** RFC 3339 section 5.6, with its letters in any case. */
const RFC3339_REGEXP = /^\d{4}-\d\d-\d\d[tT ]\d\d:\d\d:\d\d(\.\d{1,9})?([zZ]|[+-]\d\d:\d\d)$/;

/** The revocations of a file, and the lines (counted from 1) that are none. */
export interface RevokedLines {
  readonly revocations: readonly Revocation[];
  readonly wrong: readonly { readonly line: number; readonly problem: string }[];
}

/** Reads `jti:VALUE`, `sub:VALUE` and `before:RFC3339` lines; empty ones and those that begin with `#` say nothing. */
export function parseRevokedFile(text: string): RevokedLines {
  const revocations: Revocation[] = [];
  const wrong: { line: number; problem: string }[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const parsed = parseLine(line);
    if (typeof parsed === "string") wrong.push({ line: index + 1, problem: parsed });
    else revocations.push(parsed);
  }
  return { revocations, wrong };
}

function parseLine(line: string): Revocation | string {
  const colon = line.indexOf(":");
  const [kind, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
  return parseRevocation(kind, value);
}

/** A revocation and its end (milliseconds since the epoch), or what is wrong with the body. */
export type RevocationRequest =
  | { readonly ok: true; readonly revocation: Revocation; readonly expiresAt: number | undefined }
  | { readonly ok: false; readonly problem: string };

/**
 * Reads the body of `POST /revocations`: exactly one of `jti`, `sub` and `before`, and perhaps `expires_at`. Moments are
 * RFC 3339 texts, or seconds since the epoch as tokens write them.
 */
export function parseRevocationRequest(body: unknown): RevocationRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return wrong("must be an object");
  const { expires_at, ...named } = body as Record<string, unknown>;
  const [entry, ...others] = Object.entries(named);
  if (entry === undefined || others.length > 0) return wrong("must have exactly one of jti, sub, before");
  const revocation = parseRevocation(entry[0], entry[1]);
  if (typeof revocation === "string") return wrong(revocation);
  if (expires_at === undefined) return { ok: true, revocation, expiresAt: undefined };
  const expiresAt = parseMoment(expires_at);
  return expiresAt === null ? wrong("expires_at must be a moment in RFC 3339") : { ok: true, revocation, expiresAt };
}

function wrong(problem: string): RevocationRequest {
  return { ok: false, problem };
}

function parseRevocation(kind: string, value: unknown): Revocation | string {
  if (kind === "before") {
    const before = parseMoment(value);
    return before === null ? "before must be a moment in RFC 3339, such as 2026-01-31T12:00:00Z" : { before };
  }
  if (kind !== "jti" && kind !== "sub") return "must be jti:VALUE, sub:VALUE or before:RFC3339";
  if (typeof value !== "string" || value === "" || value.length > MAX_VALUE_LENGTH) {
    return `${kind} must be a text of 1 to ${MAX_VALUE_LENGTH} characters`;
  }
  return kind === "jti" ? { jti: value } : { sub: value };
}

/** Milliseconds since the epoch. */
function parseMoment(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value * 1000 : null;
  if (typeof value !== "string" || !RFC3339_REGEXP.test(value)) return null;
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? null : moment;
}
