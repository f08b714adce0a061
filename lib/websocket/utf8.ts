import { Buffer, isUtf8 } from "node:buffer";

/** Below this many bytes a loop beats calling the platform (tests/bench/codec_bench.ts). */
const BULK_FROM = 64;

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

  /** @returns false as soon as a byte of `bytes[start, end)` can't follow what came before */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < BULK_FROM) return this.#step(bytes, start, end);
    // Whole characters in bulk go to the platform's vector code; what is left is the end of one and the start of one.
    const whole = start + this.#owed;
    if (!this.#step(bytes, start, whole)) return false;
    const cut = lastCharacterStart(bytes, whole, end);
    return isUtf8(bytes.subarray(whole, cut)) && this.#step(bytes, cut, end);
  }

  #step(bytes: Uint8Array, start: number, end: number): boolean {
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

/** Where the last character starts, at most four bytes before the end: it may be half told. */
function lastCharacterStart(bytes: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at > start && end - at < 4 && (bytes[at]! & 0xc0) === 0x80) at--;
  return at;
}

/** What every platform decoder puts in place of bytes that are no character. */
const REPLACEMENT = "\ufffd";

/** Up to this many bytes, `utf8Slice` beats `TextDecoder` (tests/bench/codec_bench.ts). */
const SLICE_UP_TO = 256;

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Calls that take a range: no view, no options object, a fifth of the time of a strict `TextDecoder` on short texts. */
const { latin1Slice, utf8Slice } = Buffer.prototype;

/**
 * The text of `bytes[start, end)`, or null when it isn't UTF-8. A leading U+FEFF is kept: in a message it is text.
 *
 * @param ascii no byte has its top bit set, as unmasking has seen
 */
export function decodeText(bytes: Uint8Array, start: number, end: number, ascii: boolean): string | null {
  if (start === end) return "";
  if (ascii) return latin1Slice.call(bytes, start, end);
  const text = end - start <= SLICE_UP_TO
    ? utf8Slice.call(bytes, start, end)
    : utf8Decoder.decode(bytes.subarray(start, end));
  // Without a replacement nothing was wrong; with one, the sender may have meant it.
  return !text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end)) ? text : null;
}
