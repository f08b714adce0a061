/** TOML text to a plain tree; what is wrong comes with its line. */
import { parse } from "@std/toml";
import { findKeyMistake } from "./toml_keys.ts";

/** A line that is wrong. */
export class TomlError extends Error {
  override readonly name = "TomlError";
  readonly line: number | null;

  constructor(message: string, line: number | null) {
    super(message);
    this.line = line;
  }
}

/** Deeper than any key of the configuration is. The parser calls itself for each level, and has only so much stack. */
const MAX_DEPTH = 32;

/**
 * Parses a TOML document, at most 32 lists and tables inside one another.
 *
 * @throws {TomlError} If it is not TOML.
 */
export function parseToml(text: string): Record<string, unknown> {
  // A byte order mark is what some editors begin a file with; TOML 1.1 lets it pass.
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
 * The line on which lists and tables, or the parts of a dotted key, first go deeper than `max`; null when they don't. Texts and
 * comments are passed over. It reads what may not be TOML at all.
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

/** Where the text that begins there is over: behind its closing quotes, or at the end of what can't be one. */
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

/** The parser's message without its position, which it counts where it stopped, and with a line that fits. */
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
