/** Verifies a token: the result is an identity, or one of three reasons that reveal no more than a client must know. */
import { compactVerify } from "jose";
import type { Config } from "../../config/config.ts";
import type { Identity, Verified } from "../../gate/gate.ts";
import { judgeClaims } from "./claims.ts";
import { parseUniqueObject } from "./json.ts";
import { type KeySourceDeps, openKeySource } from "./key_source.ts";
import type { KeySource, VerificationKey } from "./keys.ts";
import { decodeUtf8 } from "../../base/utf8.ts";
import { readTokenForm } from "./token_form.ts";

export interface VerifierDeps extends Omit<KeySourceDeps, "previous"> {
  /** The verifier that this one replaces. Its fetched keys are kept, even when the issuer is down. */
  readonly previous?: Verifier;
  /** Whether the identity is revoked ({@linkcode Revocations.isRevoked}). */
  readonly isRevoked?: (identity: Identity) => boolean;
}

/** Settings of `[auth]` that verification uses. */
export type VerifierConfig = Pick<
  Config["auth"],
  | "algorithms"
  | "public_key_file"
  | "secret_file"
  | "jwks_file"
  | "jwks_url"
  | "issuer"
  | "audience"
  | "clock_skew"
  | "max_age"
  | "roles_claim"
>;

export interface Verifier {
  /**
   * Verifies a token. Never throws. Runs one signature verification, whatever is wrong with the token. For an unknown
   * `kid` it may wait a bounded time for the issuer's keys.
   */
  verify(token: string): Promise<Verified>;
  readonly source: KeySource;
  /** Number of keys; with 0 no token can be verified. */
  readonly keyCount: number;
  /**
   * Reads the keys again.
   *
   * @throws {KeyError} if that fails; the old keys stay
   */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Opens the configured keys and creates the verifier.
 *
 * @throws {KeyError} if there is no key at the start, or a weak one
 */
export async function createVerifier(auth: VerifierConfig, deps: VerifierDeps): Promise<Verifier> {
  const { previous, ...others } = deps;
  const source = await openKeySource(auth, { ...others, ...(previous ? { previous: previous.source } : {}) });
  return {
    source,
    verify: (token) => verify(token, auth, source, deps),
    get keyCount() {
      return source.keys.size;
    },
    reload: () => source.reload(),
    close: () => source.close(),
  };
}

async function verify(
  token: string,
  auth: VerifierConfig,
  source: KeySource,
  { now, isRevoked }: VerifierDeps,
): Promise<Verified> {
  const form = readTokenForm(token);
  if (!form.ok) return await refuseInTime(source, form.detail);
  if (!(auth.algorithms as readonly string[]).includes(form.alg)) {
    return await refuseInTime(source, "alg is not in auth.algorithms");
  }
  const key = source.keys.select(form.alg, form.kid) ?? (await source.missed()).select(form.alg, form.kid);
  if (key === null) return await refuseInTime(source, "No key fits alg and kid");

  const payload = await verifiedPayload(token, key);
  if (payload === null) return invalid("The signature is wrong");
  const claims = parseUniqueObject(payload);
  if (claims === null) return invalid("The claims are not a JSON object with unique names");
  const verdict = judgeClaims(claims, auth, now());
  if (!verdict.ok) return invalid(verdict.detail);
  if (isRevoked?.(verdict.identity)) return { ok: false, reason: "token_revoked", detail: "Revoked" };
  if (verdict.expired) return { ok: false, reason: "token_expired", detail: "exp is over" };
  return { ok: true, identity: verdict.identity };
}

function invalid(detail: string): Verified {
  return { ok: false, reason: "token_invalid", detail };
}

/** The signed payload, or null. Errors are dropped: their messages and causes could contain parts of the token. */
async function verifiedPayload(token: string, { alg, key }: VerificationKey): Promise<string | null> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [alg] });
    return decodeUtf8(payload);
  } catch {
    return null;
  }
}

/**
 * Refuses after the work of a real verification, so that the time doesn't reveal whether syntax or signature was wrong.
 */
async function refuseInTime(source: KeySource, detail: string): Promise<Verified> {
  const key = source.keys.any();
  if (key !== null) await verifiedPayload(decoy(key), key);
  return invalid(detail);
}

/** A well-formed token with an invalid signature. */
function decoy({ alg, key }: VerificationKey): string {
  const header = new TextEncoder().encode(JSON.stringify({ alg }));
  // Bytes of 1 are a valid encoding for every algorithm; zeros would be refused before the arithmetic.
  const signature = new Uint8Array(signatureLength(alg, key)).fill(1);
  return [header, new Uint8Array(200), signature]
    .map((part) => part.toBase64({ alphabet: "base64url", omitPadding: true })).join(".");
}

function signatureLength(alg: VerificationKey["alg"], key: CryptoKey): number {
  const { modulusLength } = key.algorithm as Partial<RsaKeyAlgorithm>;
  if (modulusLength !== undefined) return Math.ceil(modulusLength / 8);
  if (alg.startsWith("HS")) return Number(alg.slice(2)) / 8;
  return alg === "ES384" ? 96 : 64;
}
