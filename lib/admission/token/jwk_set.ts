/** Parses JSON Web Key Sets (RFC 7517). */
import { importJWK, type JWK } from "jose";
import type { Algorithm } from "../../config/config.ts";
import { flawOf, KeyError, KeySet, type VerificationKey } from "./keys.ts";

/** A key set, and the reasons of the skipped entries. */
export interface ReadJwks {
  readonly keys: KeySet;
  readonly ignored: readonly string[];
}

const MAX_JWKS_KEYS = 100;

/**
 * Parses a JSON Web Key Set (RFC 7517 section 5). Entries that are not strong public signature keys for a configured
 * algorithm are skipped. An entry with `alg` serves that algorithm only; an entry without serves each configured
 * algorithm it fits.
 *
 * @throws {KeyError} if the text is not a key set, has no usable key, or two keys have the same `kid`
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
