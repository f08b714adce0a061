/** How people write revocations: the lines of `revoked_file`, and the keys of the ops interface. */
import type { Revocation } from "./revocation_entries.ts";

const MAX_VALUE_LENGTH = 256;
/** Longer than any line that is right; what is behind it is not kept. */
const MAX_LINE_LENGTH = 1024;

/** RFC 3339 section 5.6, with its letters in any case. */
const RFC3339_REGEXP = /^\d{4}-\d\d-\d\d[tT ]\d\d:\d\d:\d\d(\.\d{1,9})?([zZ]|[+-]\d\d:\d\d)$/;

/** A line (counted from 1) that is no revocation. */
export interface WrongLine {
  readonly line: number;
  readonly problem: string;
}

/** What a line of the file says. */
export interface RevokedLineTaker {
  revocation(revocation: Revocation): void;
  wrong(line: WrongLine): void;
}

/**
 * Reads `jti:VALUE`, `sub:VALUE` and `before:RFC3339` lines from text that comes in pieces; empty ones and those that begin
 * with `#` say nothing. A line counts once its newline is there: before that, `sub:ali` may be half of `sub:alice`.
 */
export class RevokedLineReader {
  readonly #taker: RevokedLineTaker;
  #rest = "";
  #line = 0;

  constructor(taker: RevokedLineTaker) {
    this.#taker = taker;
  }

  /** The line that has no newline yet, counted from 1; null when the text ended with one. */
  get unfinished(): number | null {
    return this.#rest === "" ? null : this.#line + 1;
  }

  push(text: string): void {
    const lines = text.split("\n");
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop()!.slice(0, MAX_LINE_LENGTH);
    for (const line of lines) this.#take(line.trim(), ++this.#line);
  }

  #take(text: string, line: number): void {
    if (text === "" || text.startsWith("#")) return;
    const parsed = parseRevocation(text);
    if (typeof parsed === "string") this.#taker.wrong({ line, problem: parsed });
    else this.#taker.revocation(parsed);
  }
}

/** The revocation of `jti:VALUE`, `sub:VALUE` or `before:RFC3339`, or what is wrong with the text. */
export function parseRevocation(text: string): Revocation | string {
  const colon = text.indexOf(":");
  const [kind, value] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1).trim()];
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

/** The text that {@linkcode parseRevocation} reads. */
export function formatRevocation(revocation: Revocation): string {
  if ("jti" in revocation) return `jti:${revocation.jti}`;
  return "sub" in revocation ? `sub:${revocation.sub}` : `before:${new Date(revocation.before).toISOString()}`;
}

/** Milliseconds since the epoch. */
function parseMoment(text: string): number | null {
  const moment = RFC3339_REGEXP.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(moment) ? null : moment;
}
