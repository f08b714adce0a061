/** Formats of log lines. */
/** Severity of a line. A log prints its own level and those above. */
export type Level = "debug" | "info" | "warn" | "error";

/** Reserved names. A field with such a name gets an underscore appended. */
const RESERVED = new Set(["time", "level", "event"]);

/**
 * Characters that could mislead a reader of the log in a terminal or line by line: control characters (JSON escapes
 * only some), line separators, direction overrides, zero-width characters.
 */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const PLAIN_WORD = /^[\w.:/@+,-]+$/;
const COLOURS: Record<Level, string> = { debug: "\x1b[2m", info: "\x1b[32m", warn: "\x1b[33m", error: "\x1b[31m" };
const RESET = "\x1b[0m";

/**
 * Formats `{"time":…,"level":…,"event":…,…}` without the newline. Every character that could end or disguise a line is
 * escaped.
 */
export function jsonLine(timeMs: number, level: Level, event: string, fields: Record<string, unknown>): string {
  const line: Record<string, unknown> = Object.create(null);
  line["time"] = rfc3339(timeMs);
  line["level"] = level;
  line["event"] = event;
  for (const [key, value] of Object.entries(fields)) line[RESERVED.has(key) ? `${key}_` : key] = value;
  return printable(JSON.stringify(line));
}

/**
 * Formats a readable line: `12:00:00.000 info  event key=value …`. Values that are not plain words are quoted as JSON.
 */
export function prettyLine(timeMs: number, level: Level, event: string, fields: Record<string, unknown>): string {
  return prettyText(level.padEnd(5), timeMs, event, fields);
}

/** Like {@linkcode prettyLine}, with a coloured level for terminals. */
export function colouredLine(timeMs: number, level: Level, event: string, fields: Record<string, unknown>): string {
  return prettyText(`${COLOURS[level]}${level.padEnd(5)}${RESET}`, timeMs, event, fields);
}

function prettyText(level: string, timeMs: number, event: string, fields: Record<string, unknown>): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${word(key)}=${word(value)}`);
  const head = `${rfc3339(timeMs).slice(11, 23)} ${level} ${word(event)}`;
  return [head, ...parts].join(" ");
}

function word(value: unknown): string {
  if (typeof value === "string" && PLAIN_WORD.test(value)) return value;
  return printable(JSON.stringify(value));
}

/**
 * Escapes text so that it stays on one line and has no effect on a terminal. The escapes are those of JSON strings, so
 * valid JSON keeps its meaning.
 */
export function printable(text: string): string {
  return text.replace(DECEIVING, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    return escaped;
  });
}

function rfc3339(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? "1970-01-01T00:00:00.000Z" : date.toISOString();
}
