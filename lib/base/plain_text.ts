/** Characters that could forge a line, or hide or turn text, in a terminal. */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]+/gu;

/** Text on one line, without control characters or what else deceives in a terminal. */
export function plainText(text: string): string {
  return text.replace(DECEIVING, " ").trim();
}
