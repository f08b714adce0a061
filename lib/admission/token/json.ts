/** JSON objects with unique names, so that all parsers agree on a signed object. */

/**
 * Parses a JSON object. Null when the text is invalid or an object repeats a name (RFC 8259 section 4 leaves the result
 * to the parser).
 */
export function parseUniqueObject(text: string): Record<string, unknown> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return hasDuplicateNames(text) ? null : value as Record<string, unknown>;
}

/** Whether an object in a valid JSON text repeats a name, after escapes are resolved. One pass, no recursion. */
function hasDuplicateNames(text: string): boolean {
  const names: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") names.push(new Set());
    else if (character === "[") names.push(null);
    else if (character === "}" || character === "]") names.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      const seen = names.at(-1);
      if (seen && isName(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        if (seen.has(name)) return true;
        seen.add(name);
      }
      at = end - 1;
    }
  }
  return false;
}

/** The index after the closing quote of the string that starts at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

/** Whether a colon follows, so that the preceding string is a name. */
function isName(text: string, at: number): boolean {
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return text[at] === ":";
}
