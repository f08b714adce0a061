/** Conversion of text and bytes by platform functions that are read before a module can change them. */
import { Buffer } from "node:buffer";

const { utf8Slice } = Buffer.prototype as unknown as {
  utf8Slice(this: Uint8Array, start: number, end: number): string;
};
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const byteLength = Buffer.byteLength;

/** Maximum length for `utf8Slice`, which is faster than `TextDecoder` up to here. */
const MAX_SLICE_BYTES = 256;

/** Decodes `bytes`, which are UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  return bytes.length <= MAX_SLICE_BYTES ? utf8Slice.call(bytes, 0, bytes.length) : decoder.decode(bytes);
}

/** Size of `text` in bytes of UTF-8. */
export function utf8Length(text: string): number {
  return byteLength(text);
}

/** The error for a text or bytes above the maximum. */
export function tooLong(what: string, most: number): RangeError {
  return new RangeError(`${what} is longer than ${most} bytes`);
}

/**
 * Checks the size of a text.
 *
 * @throws {RangeError} if `text` is longer than `most` bytes of UTF-8
 */
export function checkLength(what: string, text: string, most: number): void {
  if (3 * text.length > most && utf8Length(text) > most) throw tooLong(what, most);
}
