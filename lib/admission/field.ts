/** Reading of header fields as RFC 9110 section 5 defines them, in linear time and without regular expressions. */

/** Without the spaces and tabs around it (RFC 9110 section 5.6.3); `trim()` would take Unicode's spaces too. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The elements of a comma-separated field (RFC 9110 section 5.6.1), empty ones included. */
export function listElements(field: string): string[] {
  return field.split(",").map(trimBlanks);
}

/** Whether a comma-separated field names the given token, in any case. */
export function listHas(field: string | null, token: string): boolean {
  return field !== null && listElements(field).some((element) => element.toLowerCase() === token);
}

/** tchar of RFC 9110 section 5.6.2. */
const TOKEN_CHARACTERS = new Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** Whether the text is a token (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  for (const character of text) if (!TOKEN_CHARACTERS.has(character)) return false;
  return text !== "";
}
