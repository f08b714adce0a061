/** Parses header fields (RFC 9110 section 5) in linear time. */
import { TOKEN_REGEXP } from "../base/http_token.ts";

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

/** Whether the text is a token (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN_REGEXP.test(text);
}
