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

/**
 * Parses a TOML document.
 *
 * @throws {TomlError} If it is not TOML.
 */
export function parseToml(text: string): Record<string, unknown> {
  // A byte order mark is what some editors begin a file with; TOML 1.1 lets it pass.
  const document = text.replace(/^\uFEFF/, "");
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
