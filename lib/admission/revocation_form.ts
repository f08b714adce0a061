/** How people write revocations: the lines of `revoked_file`. */
import type { Revocation } from "./revocation_entries.ts";

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

function parseRevocation(kind: string, value: string): Revocation | string {
  if (kind === "before") {
    const before = parseMoment(value);
    return before === null ? "before must be a moment in RFC 3339, such as 2026-01-31T12:00:00Z" : { before };
  }
  if (kind !== "jti" && kind !== "sub") return "must be jti:VALUE, sub:VALUE or before:RFC3339";
  if (value === "" || value.length > MAX_VALUE_LENGTH) {
    return `${kind} must be a text of 1 to ${MAX_VALUE_LENGTH} characters`;
  }
  return kind === "jti" ? { jti: value } : { sub: value };
}

/** Milliseconds since the epoch. */
function parseMoment(text: string): number | null {
  const moment = RFC3339_REGEXP.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(moment) ? null : moment;
}
