/** Creates keys and secrets. */
import { exportPKCS8, exportSPKI, generateKeyPair } from "jose";
import { join } from "node:path";

/** Algorithms of created keys. */
export type KeyAlgorithm = "ES256" | "EdDSA" | "RS256" | "HS256";

const SECRET_BYTES = 32;
const RSA_BITS = 3072;

/**
 * Creates a key pair (`ALG.key.pem` in PKCS#8 and `ALG.pub.pem` in SPKI) or a secret (`hs256.secret`, base64url in one
 * line) in the folder, which is created when missing. Files get mode 0600, the folder 0700. Returns their paths.
 *
 * @throws {Deno.errors.AlreadyExists} if one of the files exists; then none is written
 */
export async function makeKeys(alg: KeyAlgorithm, folder: string): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const name = alg.toLowerCase();
  const files = alg === "HS256"
    ? { [`${name}.secret`]: makeSecret() }
    : await makePair(alg, `${name}.key.pem`, `${name}.pub.pem`);
  const written: string[] = [];
  try {
    for (const [file, text] of Object.entries(files)) {
      const path = join(folder, file);
      await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 });
      written.push(path);
    }
  } catch (error) {
    // Half a pair is removed: the other file could belong to another key.
    await Promise.all(written.map((path) => Deno.remove(path)));
    throw error;
  }
  return written;
}

/** The contents of a new `secret_file`: 256 random bits in base64url, one line. */
export function makeSecret(): string {
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `${secret.toBase64({ alphabet: "base64url", omitPadding: true })}\n`;
}

async function makePair(alg: KeyAlgorithm, privateName: string, publicName: string): Promise<Record<string, string>> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS });
  return {
    [privateName]: ending(await exportPKCS8(privateKey)),
    [publicName]: ending(await exportSPKI(publicKey)),
  };
}

function ending(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}
