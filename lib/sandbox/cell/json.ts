/** Converts values of a module to JSON text. `JSON` is read before a module can replace it. */
const { parse, stringify } = JSON;

/**
 * Parses JSON text.
 *
 * @throws {SyntaxError} if the text is invalid
 */
export const parseJson: (text: string) => unknown = parse;

/**
 * Serialises `value`; undefined where JSON has no text for it (`undefined`, functions, a `toJSON` that returns one).
 *
 * @throws {TypeError} for cycles and `bigint`; errors of a `toJSON` are passed on
 */
export function jsonText(value: unknown): string | undefined {
  return stringify(value);
}
