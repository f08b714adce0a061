/** Characters that could forge a line, or hide or reorder text, in a terminal. */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]+/gu;

/** Text on one line, without control or other misleading characters. */
export function plainText(text: string): string {
  return text.replace(DECEIVING, " ").trim();
}
