/** Parses header fields (RFC 9110 section 5) in linear time, without regular expressions. */

/** Removes surrounding spaces and tabs (RFC 9110 section 5.6.3). `trim()` would also remove Unicode spaces. */
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

/** Whether a comma-separated field contains the token, case-insensitively. */
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
