/** Compares secrets in constant time. */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Compares two digests of equal length in constant time. */
export const equalDigests: (a: Uint8Array, b: Uint8Array) => boolean = timingSafeEqual;

const encoder = new TextEncoder();

/**
 * Compares two secrets. The time reveals neither the position of a difference nor the lengths, because their digests
 * are compared.
 */
export async function equalSecrets(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return equalDigests(left, right);
}

/** SHA-256 of the UTF-8 bytes of a text. */
export async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}
