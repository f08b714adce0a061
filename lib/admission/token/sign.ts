/** Signs tokens for the command `token` and for development. The server itself never signs. */
import { exportJWK, importPKCS8, type JWK, SignJWT } from "jose";
import type { Algorithm, Config } from "../../config/config.ts";
import { readSecret, secretOf } from "./key_files.ts";
import { KeyError } from "./keys.ts";
import { writeRoles } from "./roles.ts";

/** Settings of `[auth]` that signing uses. */
export type SignerConfig = Pick<
  Config["auth"],
  "algorithms" | "private_key_file" | "secret_file" | "jwks_file" | "issuer" | "audience" | "roles_claim"
>;

export interface TokenRequest {
  readonly sub: string;
  readonly roles: readonly string[];
  /** Lifetime in milliseconds, at least 1,000. */
  readonly ttlMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Signs a token with the configured private key or secret, with the first configured algorithm that fits the key.
 *
 * @throws {KeyError} if there is no signing key, or it is unusable
 */
export async function signToken(auth: SignerConfig, { sub, roles, ttlMs, now }: TokenRequest): Promise<string> {
  const { alg, key } = await signingKey(auth);
  const kid = auth.jwks_file === undefined || key instanceof Uint8Array ? null : await kidOf(key, auth.jwks_file);
  const claims: Record<string, unknown> = {};
  if (roles.length > 0) writeRoles(claims, auth.roles_claim, roles);
  const issuedAt = Math.floor(now / 1000);
  return await new SignJWT(claims)
    .setProtectedHeader({ alg, typ: "JWT", ...(kid === null ? {} : { kid }) })
    .setIssuer(auth.issuer)
    .setAudience(auth.audience)
    .setSubject(sub)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.max(1, Math.floor(ttlMs / 1000)))
    .setJti(crypto.randomUUID())
    .sign(key);
}

async function signingKey(auth: SignerConfig): Promise<{ alg: Algorithm; key: CryptoKey | Uint8Array }> {
  const { algorithms, private_key_file, secret_file } = auth;
  const [first] = algorithms;
  if (secret_file !== undefined && first !== undefined) {
    const file = await read("auth.secret_file", secret_file);
    await readSecret(file, [first]);
    return { alg: first, key: secretOf(file) };
  }
  if (private_key_file === undefined) {
    throw new KeyError("auth has no private_key_file or secret_file to sign with");
  }
  const pem = new TextDecoder().decode(await read("auth.private_key_file", private_key_file));
  for (const alg of algorithms) {
    const key = await importPKCS8(pem, alg, { extractable: true }).catch(() => null);
    if (key !== null) return { alg, key };
  }
  throw new KeyError(`auth.private_key_file: ${private_key_file} is not a PKCS#8 key for ${algorithms.join(", ")}`);
}

/** The `kid` of the public key in a key set, so that the token names its key. */
async function kidOf(key: CryptoKey, path: string): Promise<string | null> {
  const { kty, n, x, y } = await exportJWK(key);
  let keys: unknown;
  try {
    keys = JSON.parse(await Deno.readTextFile(path)).keys;
  } catch {
    // Errors of the key set are reported by the verifier.
    return null;
  }
  const own = (Array.isArray(keys) ? keys as JWK[] : [])
    .find((entry) => entry.kty === kty && entry.n === n && entry.x === x && entry.y === y);
  return own?.kid ?? null;
}

async function read(key: string, path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new KeyError(`${key}: ${path} can't be read (${error instanceof Error ? error.name : "unknown error"})`);
  }
}
