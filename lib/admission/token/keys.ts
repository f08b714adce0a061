/** Verification keys, and the selection of the key for a token. */
import type { Algorithm } from "../../config/config.ts";

/** A key bound to one algorithm. A token with another algorithm never selects it (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly alg: Algorithm;
  /** `kid` of the entry in a key set; null for a single key. */
  readonly kid: string | null;
  readonly key: CryptoKey;
}

/** A key is unusable. The message says why and never contains key material. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** An immutable snapshot of the keys of one source. It is never shared between issuers. */
export class KeySet {
  readonly #keys: readonly VerificationKey[];
  readonly #named: boolean;

  /** `named`: whether a token's `kid` selects a key. With a single key, `kid` is ignored. */
  constructor(keys: readonly VerificationKey[], named: boolean) {
    this.#keys = keys;
    this.#named = named;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The only key that fits algorithm and `kid`; null when none or several fit. */
  select(alg: string, kid: string | undefined): VerificationKey | null {
    const fitting = this.#keys.filter((key) =>
      key.alg === alg && (!this.#named || kid === undefined || key.kid === kid)
    );
    return fitting.length === 1 ? fitting[0] ?? null : null;
  }

  /** Any key, for work that must take as long as a real verification. */
  any(): VerificationKey | null {
    return this.#keys[0] ?? null;
  }
}

const RSA_MIN_BITS = 2048;
/** Verification time grows with the modulus; issuers do not use larger ones. */
const RSA_MAX_BITS = 8192;

/** The weakness of a key, or null. */
export async function flawOf(key: CryptoKey): Promise<string | null> {
  // Importing accepts points that are not on the curve; exporting does not.
  const { kty, n = "", e = "" } = await crypto.subtle.exportKey("jwk", key).catch((): JsonWebKey => ({}));
  if (kty === undefined) return "is not a valid key";
  if (kty !== "RSA") return null;
  const bits = integerOf(n).toString(2).length;
  if (bits < RSA_MIN_BITS) return `is an RSA key of ${bits} bits, must have at least ${RSA_MIN_BITS}`;
  if (bits > RSA_MAX_BITS) return `is an RSA key of ${bits} bits, must have at most ${RSA_MAX_BITS}`;
  // With exponent 1 the signature is the padded hash itself, which needs no private key.
  const exponent = integerOf(e);
  if (exponent < 3n || exponent % 2n === 0n || exponent > 0xffffffffn) return "is an RSA key with an improper exponent";
  return null;
}

/** Base64urlUInt of RFC 7518 section 2. */
function integerOf(base64url: string): bigint {
  return BigInt(`0x${Uint8Array.fromBase64(base64url, { alphabet: "base64url" }).toHex() || "0"}`);
}

/** Where keys come from, read again while the server runs. */
export interface KeySource {
  /** The keys now. Never waits, so a token of a known key doesn't either. */
  readonly keys: KeySet;
  /** Called when a token names a key that `keys` lacks: resolves, within a bounded time, to the keys as they are then. */
  missed(): Promise<KeySet>;
  /** Reads the source again. Throws {@linkcode KeyError} and keeps the keys when what it reads can't be used. */
  reload(): Promise<void>;
  close(): void;
}
