/** Comparison of secrets. */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Whether two digests of one length are the same, in a time that tells nothing about where they differ. */
export const equalDigests: (a: Uint8Array, b: Uint8Array) => boolean = timingSafeEqual;

const encoder = new TextEncoder();

/**
 * Whether two secrets are the same, in a time that tells nothing about where they differ, nor about their lengths: their
 * digests are compared, which always have the same length.
 */
export async function equalSecrets(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return equalDigests(left, right);
}

/** SHA-256 of a text's UTF-8 bytes. */
export async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}
