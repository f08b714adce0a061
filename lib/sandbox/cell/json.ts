/** The one way from values of a module to JSON text. Taken before a module can replace the global `JSON`. */
const { parse, stringify } = JSON;

/** Parses JSON text. Throws a `SyntaxError`. */
export const parseJson: (text: string) => unknown = parse;

/**
 * JSON text of `value`; undefined where JSON has none (`undefined`, functions, a `toJSON` that returns one). Throws what a `toJSON`
 * throws, and a `TypeError` for cycles and `bigint`.
 */
export function jsonText(value: unknown): string | undefined {
  return stringify(value);
}
