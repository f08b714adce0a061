/** Minimum length for word-wise unmasking; below, a byte loop is faster (measured, tests/bench/codec_bench.ts). */
export const MIN_WORDWISE_BYTES = 16;

/**
 * Unmasks `bytes[start, end)` in place byte by byte (RFC 6455 5.3).
 *
 * @param mask the masking key, its first byte in the lowest 8 bits; {@linkcode turnMask} rotates it for a range that
 * starts inside the payload
 * @returns true if every unmasked byte is ASCII
 */
export function unmaskBytes(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  let seen = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]! ^ (mask & 0xff);
    bytes[at] = byte;
    seen |= byte;
    mask = (mask >>> 8) | (mask << 24);
  }
  return (seen & 0x80) === 0;
}

/**
 * Like {@linkcode unmaskBytes}, in words of four bytes.
 *
 * @param words the memory of `bytes` from {@linkcode wordsOf}, created once for all frames of a chunk
 */
export function unmaskWords(bytes: Uint8Array, words: Words, start: number, end: number, mask: number): boolean {
  const view = words.view;
  const wordsStart = Math.min(start + ((words.shift - start) & 3), end);
  let ascii = unmaskBytes(bytes, start, wordsStart, mask);
  mask = turnMask(mask, wordsStart - start);

  let index = (wordsStart - words.shift) >> 2;
  const count = (end - wordsStart) >> 2;
  const last = index + count;
  let seen = 0;
  for (const stop = last - 3; index < stop; index += 4) {
    const a = view[index]! ^ mask;
    const b = view[index + 1]! ^ mask;
    const c = view[index + 2]! ^ mask;
    const d = view[index + 3]! ^ mask;
    view[index] = a;
    view[index + 1] = b;
    view[index + 2] = c;
    view[index + 3] = d;
    seen |= a | b | c | d;
  }
  for (; index < last; index++) {
    const word = view[index]! ^ mask;
    view[index] = word;
    seen |= word;
  }
  ascii = (seen & 0x80808080) === 0 && ascii;
  return unmaskBytes(bytes, wordsStart + (count << 2), end, mask) && ascii;
}

/** The masking key rotated for an offset of `count` bytes. */
export function turnMask(mask: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

/** The aligned words of a byte array: `view[0]` covers the bytes from `shift` on. */
export interface Words {
  readonly view: Int32Array;
  readonly shift: number;
}

/**
 * Aligned words over the memory of `bytes`, which may start at any offset. Deno runs on little-endian machines only, so
 * the mask uses that order.
 */
export function wordsOf(bytes: Uint8Array): Words {
  const shift = -bytes.byteOffset & 3;
  const count = bytes.length > shift ? (bytes.length - shift) >> 2 : 0;
  return { view: new Int32Array(bytes.buffer, count === 0 ? 0 : bytes.byteOffset + shift, count), shift };
}
