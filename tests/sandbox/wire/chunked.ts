/** Streams that arrive in chunks of any lengths. */
import fc from "fast-check";

/** Lengths of chunks. */
export const CUTS: fc.Arbitrary<number[]> = fc.array(fc.nat(50), { minLength: 1, maxLength: 30 });

/** Hands `bytes` out in chunks of these lengths, over and over. */
export function* chunked(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = (lengths[i % lengths.length] ?? 0) + 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
