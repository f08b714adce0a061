/** The text form of revocations: lines of `revoked_file`, and keys of the operations interface. */
import type { Revocation } from "./revocation_entries.ts";

const MAX_VALUE_LENGTH = 256;
/** Longer than any valid line; the rest of a longer line is discarded. */
const MAX_LINE_LENGTH = 1024;

/** RFC 3339 section 5.6, with its letters in any case. */
const RFC3339_REGEXP = /^\d{4}-\d\d-\d\d[tT ]\d\d:\d\d:\d\d(\.\d{1,9})?([zZ]|[+-]\d\d:\d\d)$/;

/** An invalid line, counted from 1. */
export interface WrongLine {
  readonly line: number;
  readonly problem: string;
}

/** Receives the parsed lines. */
export interface RevokedLineTaker {
  revocation(revocation: Revocation): void;
  wrong(line: WrongLine): void;
}

/**
 * Parses `jti:VALUE`, `sub:VALUE` and `before:RFC3339` lines from text that arrives in chunks. Empty lines and lines
 * that begin with `#` are skipped. A line is complete only with its newline: without it, `sub:ali` may be the start of
 * `sub:alice`.
 */
export class RevokedLineReader {
  readonly #taker: RevokedLineTaker;
  #rest = "";
  #line = 0;

  constructor(taker: RevokedLineTaker) {
    this.#taker = taker;
  }

  /** The line without a newline yet, counted from 1; null when the text ended with a newline. */
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

/** Parses `jti:VALUE`, `sub:VALUE` or `before:RFC3339`. Returns the revocation, or a description of the error. */
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
