/** Scans of JSON text: linear, without recursion, without building values. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * Whether a JSON text nests arrays and objects deeper than `maxDepth` levels. Linear in the text, without recursion;
 * the text need not be valid JSON.
 */
export function exceedsDepth(text: string, maxDepth: number): boolean {
  // Most texts have few brackets. The platform's search finds that in a fraction of the time of the scan.
  if (!opensMoreThan(text, maxDepth)) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = stringEnd(text, i + 1);
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
    }
  }
  return false;
}

/** Whether a text has more than `levels` opening brackets and braces, in strings or outside. */
function opensMoreThan(text: string, levels: number): boolean {
  let left = levels;
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at + 1)) if (--left < 0) return true;
  for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) if (--left < 0) return true;
  return false;
}

/** The texts of the elements of a JSON array. `text` must be valid JSON. */
export function elementTexts(text: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let begin = text.indexOf("[") + 1;
  for (let i = begin - 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = stringEnd(text, i + 1);
    } else if (c === 0x7b || c === 0x5b) {
      depth++;
    } else if (c === 0x7d || c === 0x5d) {
      if (--depth === 0) texts.push(text.slice(begin, i));
    } else if (c === COMMA && depth === 1) {
      texts.push(text.slice(begin, i));
      begin = i + 1;
    }
  }
  return texts;
}

/** The index of the quote that ends the string whose content begins at `begin`; behind the text if none does. */
function stringEnd(text: string, begin: number): number {
  let i = begin;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) break;
  }
  return i;
}
