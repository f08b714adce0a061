/** Parses TOML to a plain tree. Errors carry their line. */
import { parse } from "@std/toml";
import { findKeyMistake } from "./toml_keys.ts";

/** A syntax error with its line. */
export class TomlError extends Error {
  override readonly name = "TomlError";
  readonly line: number | null;

  constructor(message: string, line: number | null) {
    super(message);
    this.line = line;
  }
}

/** Deeper than any key of the configuration. The parser recurses for each level, and its stack is limited. */
const MAX_DEPTH = 32;

/**
 * Parses a TOML document with at most 32 levels of lists and tables.
 *
 * @throws {TomlError} if the text is not TOML
 */
export function parseToml(text: string): Record<string, unknown> {
  // Some editors write a byte order mark; TOML 1.1 allows it.
  const document = text.replace(/^\uFEFF/, "");
  const deep = findDepth(document, MAX_DEPTH);
  if (deep !== null) {
    throw new TomlError(`is nested too deep, allowed are ${MAX_DEPTH} lists and tables inside one another`, deep);
  }
  let parsed: Record<string, unknown>;
  try {
    parsed = (parse as (text: string) => Record<string, unknown>)(document);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw syntaxError(error.message, document);
  }
  const mistake = findKeyMistake(document);
  if (mistake) throw new TomlError(mistake.message, mistake.line);
  return parsed;
}

/**
 * The first line on which lists, tables or parts of a dotted key nest deeper than `max`; null when none does. Strings
 * and comments are skipped. The document need not be valid TOML.
 */
function findDepth(document: string, max: number): number | null {
  let [depth, dots, line, inValue] = [0, 0, 1, false];
  for (let at = 0; at < document.length; at++) {
    const character = document[at]!;
    if (character === "\n") [dots, inValue, line] = [0, false, line + 1];
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    else if (character === "." && !inValue) dots++;
    else if (character === "=") [dots, inValue] = [0, true];
    else if (character === "#") at = ending(document, "\n", at) - 1;
    else if (character === '"' || character === "'") {
      const end = endOfText(document, at);
      line += document.slice(at, end).split("\n").length - 1;
      at = end - 1;
    }
    if (depth > max || dots >= max) return line;
  }
  return null;
}

/** The end of the string that starts at `start`: after its closing quotes, or where it can no longer be a string. */
function endOfText(document: string, start: number): number {
  const quote = document[start]!;
  const long = document.startsWith(quote.repeat(3), start);
  const closing = long ? quote.repeat(3) : quote;
  for (let at = start + closing.length; at < document.length; at++) {
    if (document[at] === "\\" && quote === '"') at++;
    else if (document.startsWith(closing, at)) return at + closing.length;
    else if (document[at] === "\n" && !long) return at;
  }
  return document.length;
}

function ending(document: string, mark: string, from: number): number {
  const at = document.indexOf(mark, from);
  return at < 0 ? document.length : at;
}

/** The parser's message with a correct line instead of the parser's position, which is where it stopped. */
function syntaxError(message: string, document: string): TomlError {
  if (message.includes("key length is not a positive number")) {
    const mistake = findKeyMistake(document);
    if (mistake) return new TomlError(mistake.message, mistake.line);
  }
  const place = /^Parse error on line ([0-9]+), column [0-9]+: /.exec(message);
  const reason = message.slice(place?.[0].length ?? 0).replace(/^Cannot parse the TOML: /, "");
  const quoted = /on line '([^\n']+)/.exec(reason)?.[1]?.trim();
  const found = quoted === undefined ? -1 : document.split("\n").findIndex((line) => line.trim() === quoted);
  const line = found >= 0 ? found + 1 : place ? Number(place[1]) : null;
  return new TomlError(`is not TOML: ${oneLine(reason)}`, line);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
