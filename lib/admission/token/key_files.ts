/** Parses key files: a shared secret, or one public key. */
import { importSPKI } from "jose";
import type { Algorithm } from "../../config/config.ts";
import { flawOf, KeyError, KeySet, type VerificationKey } from "./keys.ts";

/**
 * Parses a `secret_file`: its bytes, without one trailing newline.
 *
 * @throws {KeyError} if it is shorter than the hash of an algorithm (RFC 7518 section 3.2)
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

/** The bytes of a `secret_file` without one trailing newline. */
export function secretOf(file: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(file.subarray(0, file.at(-1) === 0x0a ? -1 : undefined));
}

/**
 * Parses a `public_key_file`: one SPKI key in PEM, bound to every configured algorithm it can serve.
 *
 * @throws {KeyError} if it is not one public key, is weak, or serves none of the algorithms
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
