/**
 * Judges UTF-8 as it comes, cut anywhere, and says no at the first byte that can't belong to any valid text.
 *
 * The states are those of the "UTF-8 decoder" of the WHATWG Encoding Standard: how many continuation bytes are owed,
 * and between which bounds the next one must lie (RFC 3629 section 4: no overlong form, no surrogate, nothing above
 * U+10FFFF).
 */
export class Utf8Judge {
  #owed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** No character is left half told: a message may end here. */
  get complete(): boolean {
    return this.#owed === 0;
  }

  reset(): void {
    this.#owed = 0;
    this.#lower = 0x80;
    this.#upper = 0xbf;
  }

  /** @returns false as soon as a byte of `bytes[start, end)` can't follow what came before */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let owed = this.#owed;
    let lower = this.#lower;
    let upper = this.#upper;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (owed > 0) {
        if (byte < lower || byte > upper) return false;
        lower = 0x80;
        upper = 0xbf;
        owed--;
      } else if (byte >= 0x80) {
        if (byte < 0xc2 || byte > 0xf4) return false;
        if (byte < 0xe0) owed = 1;
        else if (byte < 0xf0) {
          owed = 2;
          if (byte === 0xe0) lower = 0xa0;
          else if (byte === 0xed) upper = 0x9f;
        } else {
          owed = 3;
          if (byte === 0xf0) lower = 0x90;
          else if (byte === 0xf4) upper = 0x8f;
        }
      }
    }
    this.#owed = owed;
    this.#lower = lower;
    this.#upper = upper;
    return true;
  }
}

/** Keeps a leading U+FEFF: in a WebSocket message it is text like any other. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest ASCII text spelled without a call into the platform (measured, tests/bench/codec_bench.ts). */
const SPELL_UP_TO = 64;

/** The text of `bytes[start, end)`, or null when it isn't UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number, ascii: boolean): string | null {
  if (ascii && end - start <= SPELL_UP_TO) return spellAscii(bytes, start, end);
  try {
    return strictDecoder.decode(bytes.subarray(start, end));
  } catch {
    return null;
  }
}

function spellAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
