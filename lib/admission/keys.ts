/** Verification keys: what they may be used for, and which one a token means. */
import { importJWK, importSPKI, type JWK } from "jose";
import type { Algorithm } from "../config/config.ts";

/** A key bound to one algorithm: a token that names another never meets it (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly alg: Algorithm;
  /** `kid` of a key set's entry, null where keys have no names. */
  readonly kid: string | null;
  readonly key: CryptoKey;
}

/** A key can't be used; the message says why and never holds key material. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

const RSA_MIN_BITS = 2048;
/** Verification time grows with the modulus; nobody issues larger ones. */
const RSA_MAX_BITS = 8192;

/** The keys of one source at one time, immutable. One issuer's set never answers for another's: it is not shared. */
export class KeySet {
  readonly #keys: readonly VerificationKey[];
  readonly #named: boolean;

  /** `named`: whether a token's `kid` selects among the keys. A single key file has no names, there it is ignored. */
  constructor(keys: readonly VerificationKey[], named: boolean) {
    this.#keys = keys;
    this.#named = named;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The only key that fits algorithm and `kid`; null when there is none, or more than one. */
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

/**
 * Reads a `secret_file`: its bytes, without one newline at the end.
 *
 * @throws {KeyError} If it is shorter than the hash of an algorithm (RFC 7518 section 3.2).
 */
export async function readSecret(file: Uint8Array, algorithms: readonly Algorithm[]): Promise<KeySet> {
  const secret = secretOf(file);
  const keys = await Promise.all(algorithms.map(async (alg): Promise<VerificationKey> => {
    const bits = Number(alg.slice(2));
    if (secret.length * 8 < bits) {
      throw new KeyError(`has ${secret.length} bytes, must have at least ${bits / 8} for ${alg}`);
    }
    const hash = { name: "HMAC", hash: `SHA-${bits}` };
    return { alg, kid: null, key: await crypto.subtle.importKey("raw", secret, hash, false, ["sign", "verify"]) };
  }));
  return new KeySet(keys, false);
}

/** The secret in a `secret_file`: its bytes, without one newline at the end. */
export function secretOf(file: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(file.subarray(0, file.at(-1) === 0x0a ? -1 : undefined));
}

/**
 * Reads a `public_key_file`: one SPKI key in PEM, bound to every configured algorithm it can serve.
 *
 * @throws {KeyError} If it is not one public key, is weak, or serves none of the algorithms.
 */
export async function readPublicKey(pem: string, algorithms: readonly Algorithm[]): Promise<KeySet> {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw new KeyError("is a private key, must be a public key");
  if (pem.split("-----BEGIN PUBLIC KEY-----").length !== 2) {
    throw new KeyError('must be one public key in PEM ("BEGIN PUBLIC KEY")');
  }
  const keys: VerificationKey[] = [];
  for (const alg of algorithms) {
    const key = await importSPKI(pem, alg, { extractable: true }).catch(() => null);
    if (key === null) continue;
    const flaw = await flawOf(key);
    if (flaw !== null) throw new KeyError(flaw);
    keys.push({ alg, kid: null, key });
  }
  if (keys.length === 0) throw new KeyError(`is not a key for ${algorithms.join(", ")}`);
  return new KeySet(keys, false);
}

/** A key set and why some of its entries are left out. */
export interface ReadJwks {
  readonly keys: KeySet;
  readonly ignored: readonly string[];
}

const MAX_JWKS_KEYS = 100;

/**
 * Reads a JSON Web Key Set (RFC 7517 section 5). Entries that are no strong public signature key for a configured
 * algorithm are left out; an entry's own `alg` binds it, without one it serves each configured algorithm it fits.
 *
 * @throws {KeyError} If it is no key set, none of its keys can be used, or two keys claim the same name.
 */
export async function readJwks(text: string, algorithms: readonly Algorithm[]): Promise<ReadJwks> {
  const entries = entriesOf(text);
  const keys: VerificationKey[] = [];
  const ignored: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const read = await readJwk(entry, algorithms);
    if (typeof read === "string") ignored.push(`keys[${index}] ${read}`);
    else keys.push(...read);
  }
  if (keys.length === 0) throw new KeyError(["has no key that can be used", ...ignored].join("; "));
  const names = keys.filter(({ kid }) => kid !== null).map(({ alg, kid }) => `${alg} ${kid}`);
  if (new Set(names).size !== names.length) throw new KeyError("has two keys of the same kid and algorithm");
  return { keys: new KeySet(keys, true), ignored };
}

function entriesOf(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeyError("is not JSON");
  }
  const entries = isRecord(value) ? value.keys : undefined;
  if (!Array.isArray(entries)) throw new KeyError('is not a key set, must be {"keys": […]}');
  if (entries.length > MAX_JWKS_KEYS) throw new KeyError(`has more than ${MAX_JWKS_KEYS} keys`);
  return entries;
}

async function readJwk(entry: unknown, algorithms: readonly Algorithm[]): Promise<VerificationKey[] | string> {
  if (!isRecord(entry)) return "is not a key";
  if (entry.kty === "oct" || "k" in entry) return "is a secret, which a key set must not hold";
  if ("d" in entry) return "is a private key, which a key set must not hold";
  if (entry.use !== undefined && entry.use !== "sig") return "is not for signatures";
  if (Array.isArray(entry.key_ops) && !entry.key_ops.includes("verify")) return "is not for verification";
  const kid = entry.kid ?? null;
  if (kid !== null && typeof kid !== "string") return "has a kid that is not a text";
  const keys: VerificationKey[] = [];
  for (const alg of algorithms) {
    if (entry.alg !== undefined && entry.alg !== alg) continue;
    const { kty, crv, n, e, x, y } = entry;
    const key = await importJWK({ kty, crv, n, e, x, y } as JWK, alg, { extractable: true }).catch(() => null);
    if (key === null || key instanceof Uint8Array) continue;
    const flaw = await flawOf(key);
    if (flaw !== null) return flaw;
    keys.push({ alg, kid, key });
  }
  return keys.length > 0 ? keys : `is not a key for ${algorithms.join(", ")}`;
}

/** What makes a key unfit to trust, or null. */
async function flawOf(key: CryptoKey): Promise<string | null> {
  // Importing takes points that are not on the curve; exporting doesn't.
  const { kty, n = "", e = "" } = await crypto.subtle.exportKey("jwk", key).catch((): JsonWebKey => ({}));
  if (kty === undefined) return "is not a valid key";
  if (kty !== "RSA") return null;
  const bits = integerOf(n).toString(2).length;
  if (bits < RSA_MIN_BITS) return `is an RSA key of ${bits} bits, must have at least ${RSA_MIN_BITS}`;
  if (bits > RSA_MAX_BITS) return `is an RSA key of ${bits} bits, must have at most ${RSA_MAX_BITS}`;
  // With exponent 1 the signature is the padded hash itself, which anyone can write.
  const exponent = integerOf(e);
  if (exponent < 3n || exponent % 2n === 0n || exponent > 0xffffffffn) return "is an RSA key with an improper exponent";
  return null;
}

/** Base64urlUInt of RFC 7518 section 2. */
function integerOf(base64url: string): bigint {
  return BigInt(`0x${Uint8Array.fromBase64(base64url, { alphabet: "base64url" }).toHex() || "0"}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
