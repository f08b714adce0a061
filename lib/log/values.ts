/** Converts values of log fields into plain, bounded data without secrets. */

const MAX_STRING_LENGTH = 1024;
const MAX_ENTRIES = 32;
const MAX_DEPTH = 4;
const MAX_VALUES = 256;
const MAX_TEXT_LENGTH = 16 * 1024;

const REDACTED = "[redacted]";
const SECRET_NAME = /token|cookie|ticket|authorization|secret|password|passphrase|private_?key/i;
/** Characters of a compact JWT and of surrounding words. */
const WORD = /[\w.-]+/g;
const SECRET_PARAMETER = /([?&](?:ticket|access_token|token)=)[^&#\s]+/gi;

/** Remaining budget of one line. */
interface Budget {
  values: number;
  text: number;
}

/**
 * Copies a value into plain data that is safe to print: at most 4 levels, 32 entries a level, 256 values, 1,024
 * characters a string and 16 KiB of text in total. Getters and `toJSON` of foreign objects are not called, errors and
 * bytes are described. As a safety net, fields named like secrets and text that looks like a token are redacted.
 */
export function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return record(fields, 0, { values: MAX_VALUES, text: MAX_TEXT_LENGTH });
}

function copy(value: unknown, depth: number, budget: Budget): unknown {
  if (--budget.values < 0) return "[more]";
  switch (typeof value) {
    case "string":
      return text(value, budget);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
    case "undefined":
      return value;
    case "bigint":
      return text(value.toString(), budget);
    case "symbol":
    case "function":
      return `[${typeof value}]`;
  }
  if (value === null) return null;
  if (depth >= MAX_DEPTH) return "[deep]";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (value instanceof Error) return describe(value, depth, budget);
  if (value instanceof Map) return record(Object.fromEntries(value.entries().take(MAX_ENTRIES)), depth, budget);
  if (value instanceof Set) return list([...value.values().take(MAX_ENTRIES)], depth, budget);
  if (Array.isArray(value)) return list(value, depth, budget);
  return record(value as Record<string, unknown>, depth, budget);
}

function list(values: unknown[], depth: number, budget: Budget): unknown[] {
  const copied = values.slice(0, MAX_ENTRIES).map((value) => copy(value, depth + 1, budget) ?? null);
  if (values.length > MAX_ENTRIES) copied.push(`[${values.length - MAX_ENTRIES} more]`);
  return copied;
}

function record(from: Record<string, unknown>, depth: number, budget: Budget): Record<string, unknown> {
  // Without a prototype, "__proto__" is an ordinary key.
  const copied: Record<string, unknown> = Object.create(null);
  const keys = Object.keys(from);
  for (const key of keys.slice(0, MAX_ENTRIES)) {
    let value: unknown;
    try {
      value = from[key];
    } catch {
      value = "[unreadable]";
    }
    copied[text(key, budget)] = secret(key, value) ? REDACTED : copy(value, depth + 1, budget);
  }
  if (keys.length > MAX_ENTRIES) copied["more_fields"] = keys.length - MAX_ENTRIES;
  return copied;
}

function describe(error: Error, depth: number, budget: Budget): Record<string, unknown> {
  return record(
    {
      name: error.name,
      message: error.message,
      stack: error.stack,
      ...("code" in error ? { code: error.code } : {}),
      ...(error.cause === undefined ? {} : { cause: error.cause }),
    },
    depth,
    budget,
  );
}

/** Numbers, booleans and absent values keep their meaning; only values that could be the secret itself are redacted. */
function secret(key: string, value: unknown): boolean {
  if (value === null || (typeof value !== "string" && typeof value !== "object")) return false;
  return SECRET_NAME.test(key) && !key.endsWith("_file");
}

function text(value: string, budget: Budget): string {
  const room = Math.max(0, Math.min(MAX_STRING_LENGTH, budget.text));
  const cut = value.length > room ? `${value.slice(0, room)}…(${value.length})` : value;
  budget.text -= cut.length;
  let clean = cut;
  if (clean.includes("eyJ")) clean = clean.replace(WORD, withoutToken);
  if (clean.includes("=")) clean = clean.replace(SECRET_PARAMETER, `$1${REDACTED}`);
  return clean;
}

/** `bearer.eyJ….eyJ….…` becomes `bearer.[redacted]`. */
function withoutToken(word: string): string {
  const start = word.indexOf("eyJ");
  if (start < 0 || word.indexOf(".", start) < 0) return word;
  return word.slice(0, start) + REDACTED;
}
