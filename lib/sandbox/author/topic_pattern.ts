/**
 * Patterns of topics and their matching.
 *
 * A pattern consists of segments, separated by `:` or `/`. A segment is literal text, or has one placeholder `{name}`,
 * which matches one or more characters of that segment: `room:{room}`, `lot/{lot}/bids`, `user-{id}`. A name is matched
 * literally, without decoding, case folding or normalisation. A name has no braces, control characters or lone
 * surrogates.
 */

/** Maximum length of names and patterns, in bytes of UTF-8. */
export const MAX_TOPIC_BYTES = 512;
/** Maximum number of placeholders of a pattern. */
const MAX_PLACEHOLDERS = 16;

const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLACEHOLDER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const SEPARATOR = /[:/]/;
// deno-lint-ignore no-control-regex -- they are what is refused
const NO_NAME = /[{}\u0000-\u001f\u007f-\u009f]/;

const encoder = new TextEncoder();

/** Whether `name` is a valid name of a topic. */
export function isTopicName(name: string): boolean {
  return name !== "" && name.length <= MAX_TOPIC_BYTES && !NO_NAME.test(name) && name.isWellFormed() &&
    encoder.encode(name).length <= MAX_TOPIC_BYTES;
}

/** One segment: literal text, or the text before and after its placeholder. */
type Segment = { readonly literal: string } | { readonly before: string; readonly after: string };

export class TopicPattern {
  /** Names of the placeholders, in order. */
  readonly placeholders: readonly string[];
  readonly #matcher: RegExp;
  readonly #segments: readonly Segment[];
  /** The separators, in order. */
  readonly #separators: string;

  /** @throws {TypeError} if the pattern is invalid */
  constructor(readonly text: string) {
    const placeholders = [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!);
    const wrong = problem(text, placeholders);
    if (wrong !== undefined) throw new TypeError(wrong);
    this.placeholders = placeholders;
    const split = text.split(SEPARATOR);
    this.#separators = text.replaceAll(PLACEHOLDER, "").replaceAll(/[^:/]/g, "");
    this.#segments = split.map(segment);
    const matcher = text.split(PLACEHOLDER).map((part, index) => index % 2 === 1 ? "([^:/]+)" : RegExp.escape(part));
    this.#matcher = new RegExp(`^${matcher.join("")}$`, "u");
  }

  /** The values of the placeholders in `name`; null if it does not match. */
  match(name: string): Record<string, string> | null {
    return isTopicName(name) ? this.matchValid(name) : null;
  }

  /** As `match`, for a name that `isTopicName` has accepted. */
  matchValid(name: string): Record<string, string> | null {
    const found = this.#matcher.exec(name);
    if (found === null) return null;
    const params: Record<string, string> = Object.create(null);
    this.placeholders.forEach((placeholder, index) => params[placeholder] = found[index + 1]!);
    return params;
  }

  /** Whether a name exists that matches both patterns. */
  overlaps(other: TopicPattern): boolean {
    return this.#separators === other.#separators &&
      this.#segments.every((one, index) => segmentsOverlap(one, other.#segments[index]!));
  }
}

function problem(text: string, placeholders: readonly string[]): string | undefined {
  const literal = text.replaceAll(PLACEHOLDER, "x");
  if (text === "") return "a pattern is not empty";
  if (encoder.encode(text).length > MAX_TOPIC_BYTES) return `a pattern has at most ${MAX_TOPIC_BYTES} bytes`;
  if (!isTopicName(literal)) return "a pattern has no control characters, and braces only around a placeholder";
  if (placeholders.length > MAX_PLACEHOLDERS) return `a pattern has at most ${MAX_PLACEHOLDERS} placeholders`;
  for (const name of placeholders) {
    if (!PLACEHOLDER_NAME.test(name)) {
      return "a placeholder's name is 1 to 64 letters, digits and _, beginning with a letter or _";
    }
  }
  if (new Set(placeholders).size !== placeholders.length) return "a pattern names each placeholder once";
  if (text.split(SEPARATOR).some((one) => one.split("{").length > 2)) return "a segment has one placeholder at most";
}

function segment(text: string): Segment {
  const [before, name, after] = text.split(PLACEHOLDER);
  return name === undefined ? { literal: text } : { before: before!, after: after! };
}

function segmentsOverlap(one: Segment, other: Segment): boolean {
  if ("literal" in one) return "literal" in other ? one.literal === other.literal : fits(other, one.literal);
  if ("literal" in other) return fits(one, other.literal);
  const startsAlike = one.before.startsWith(other.before) || other.before.startsWith(one.before);
  const endsAlike = one.after.endsWith(other.after) || other.after.endsWith(one.after);
  return startsAlike && endsAlike;
}

function fits({ before, after }: { before: string; after: string }, literal: string): boolean {
  return literal.length > before.length + after.length && literal.startsWith(before) && literal.endsWith(after);
}
