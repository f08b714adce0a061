/** Validates and decodes UTF-8. */
import { Buffer, isUtf8 } from "node:buffer";

/** Minimum length for the platform's validation; below, a loop is faster (tests/bench/codec_bench.ts). */
const MIN_BULK_BYTES = 64;

/**
 * Validates UTF-8 incrementally, for any chunking, and fails at the first byte that can't belong to a valid text.
 *
 * The states are those of the "UTF-8 decoder" of the WHATWG Encoding Standard: the number of missing continuation
 * bytes, and the bounds of the next one (RFC 3629 section 4: no overlong form, no surrogate, nothing above U+10FFFF).
 */
export class Utf8Judge {
  #owed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** Whether no character is incomplete, so that a message may end. */
  get complete(): boolean {
    return this.#owed === 0;
  }

  /** @returns false if a byte of `bytes[start, end)` is invalid after the preceding ones */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < MIN_BULK_BYTES) return this.#step(bytes, start, end);
    // The platform's vectorised code validates complete characters; the loop handles incomplete ones at both ends.
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

/** Start of the last character, at most four bytes before the end; it may be incomplete. */
function lastCharacterStart(bytes: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at > start && end - at < 4 && (bytes[at]! & 0xc0) === 0x80) at--;
  return at;
}

/** The character that decoders substitute for invalid bytes. */
const REPLACEMENT = "\ufffd";

/** Maximum length for `utf8Slice`, which is faster than `TextDecoder` up to here (tests/bench/codec_bench.ts). */
const MAX_SLICE_BYTES = 256;

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Methods that take a range without a view or options, at a fifth of the time of a strict `TextDecoder` for short
 * texts.
 */
const { latin1Slice, utf8Slice } = Buffer.prototype;

/**
 * Decodes `bytes[start, end)`; null when it is not UTF-8. A leading U+FEFF is kept, because it is text in a message.
 *
 * @param ascii whether unmasking found only ASCII
 */
export function decodeText(bytes: Uint8Array, start: number, end: number, ascii: boolean): string | null {
  if (start === end) return "";
  if (ascii) return latin1Slice.call(bytes, start, end);
  const text = end - start <= MAX_SLICE_BYTES
    ? utf8Slice.call(bytes, start, end)
    : utf8Decoder.decode(bytes.subarray(start, end));
  // Without a replacement character the input was valid. With one, the sender may have sent that character.
  return !text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end)) ? text : null;
}
