/** Types of configuration values. Each is a zod schema with one message that says what is allowed. */
import { z } from "zod";
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from "./units.ts";

/** Formats a value for a message: JSON, shortened, control characters escaped. */
export function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return "a date";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "a table";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 97)}…"` : text;
}

/** "is X, must be Y", or "is missing, must be Y". */
export function wrong(value: unknown, allowed: string): string {
  return value === undefined ? `is missing, must be ${allowed}` : `is ${shown(value)}, must be ${allowed}`;
}

const because = (allowed: string) => ({ error: (issue: { input?: unknown }) => wrong(issue.input, allowed) });

/** An integer, both bounds included. */
export function int(min: number, max: number) {
  const message = because(`a whole number from ${min} to ${max}`);
  return z.int(message).gte(min, message).lte(max, message);
}

/** A finite number, fractions allowed. With `above` the lower bound is excluded. */
export function number(min: number, max: number, above = false) {
  const message = because(`a number ${above ? "above" : "from"} ${min} ${above ? "and up " : ""}to ${max}`);
  const finite = z.number(message).lte(max, message);
  return above ? finite.gt(min, message) : finite.gte(min, message);
}

/** true or false. */
export function bool() {
  return z.boolean(because("true or false"));
}

/** One of the given strings. */
export function choice<const T extends readonly [string, ...string[]]>(...words: T) {
  return z.enum(words, because(words.map((word) => `"${word}"`).join(" or ")));
}

/** A duration between two bounds, both included. The result is in milliseconds. */
export function duration(min: string, max: string) {
  const [from, to] = [parseDuration(min), parseDuration(max)];
  const allowed = `${DURATION_FORM}, from "${min}" to "${max}"`;
  return z.string(because(allowed)).transform((text, context) => {
    const milliseconds = attempt(() => parseDuration(text));
    if (milliseconds !== undefined && milliseconds >= from && milliseconds <= to) return milliseconds;
    context.addIssue(wrong(text, allowed));
    return z.NEVER;
  });
}

/** A size between two bounds, both included. The result is in bytes. */
export function size(min: string, max: string) {
  const [from, to] = [parseSize(min), parseSize(max)];
  const allowed = `${SIZE_FORM}, from "${min}" to "${max}"`;
  return z.union([z.string(), z.number()], because(allowed)).transform((value, context) => {
    const bytes = attempt(() => parseSize(value));
    if (bytes !== undefined && bytes >= from && bytes <= to) return bytes;
    context.addIssue(wrong(value, allowed));
    return z.NEVER;
  });
}

/** A string that satisfies a rule. The rule returns the error, or null. */
export function text(allowed: string, rule: (text: string) => string | null = () => null) {
  return z.string(because(allowed)).transform((value, context) => {
    const problem = value === "" ? wrong(value, allowed) : rule(value);
    if (problem === null) return value;
    context.addIssue(problem);
    return z.NEVER;
  });
}

/** A string that matches a regular expression. */
export function matching(expression: RegExp, allowed: string) {
  return text(allowed, (value) => expression.test(value) ? null : wrong(value, allowed));
}

/** A path of a file or folder. It is made absolute when the configuration is resolved. */
export function path() {
  return text("a path", (value) => value.includes("\0") ? wrong(value, "a path without NUL characters") : null);
}

/** A list with entries of the given schema. */
export function list<T extends z.ZodType>(entry: T, allowed: string) {
  return z.array(entry, because(allowed));
}

/** A table with exactly these keys. */
export function table<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `is not known here, allowed: ${Object.keys(shape).join(", ")}`
        : wrong(issue.input, `a table with ${Object.keys(shape).join(", ")}`),
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
