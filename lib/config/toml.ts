/** TOML text to a plain tree; what is wrong comes with its line. */
import { parse } from "@std/toml";

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
    const place = /^Parse error on line ([0-9]+), column [0-9]+: /.exec(error.message);
    const reason = error.message.slice(place?.[0].length ?? 0).replace(/^Cannot parse the TOML: /, "");
    throw new TomlError(`is not TOML: ${oneLine(reason)}`, place ? Number(place[1]) : null);
  }
  return parsed;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
