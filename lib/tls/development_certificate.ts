/** The self-signed certificate of development. */
import { X509Certificate } from "node:crypto";
import { makeCertificate } from "./certificate.ts";

const HOSTS = ["localhost", "127.0.0.1", "::1"];
const DAY_MS = 86_400_000;
const RENEW_BEFORE = DAY_MS;

/** Paths of a development certificate and its key, and whether they were created just now. */
export interface DevelopmentCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly made: boolean;
}

/**
 * Ensures that `certsDir` contains a certificate for localhost, 127.0.0.1 and ::1 (`server.crt`, and `server.key` with
 * mode 0600). A pair that is missing, unreadable, mismatched or within a day of its end is created again, valid for 90
 * days. The certificate is self-signed and no authority: a browser that trusts it trusts this server only, not other
 * certificates signed by its key.
 *
 * @throws {Error} if writing fails
 */
export async function ensureDevelopmentCertificate(
  certsDir: string,
  now: () => number = Date.now,
): Promise<DevelopmentCertificate> {
  const certFile = `${certsDir}/server.crt`;
  const keyFile = `${certsDir}/server.key`;
  if (usable(certFile, keyFile, now())) return { certFile, keyFile, made: false };
  const { cert, key } = await makeCertificate({
    hosts: HOSTS,
    notBefore: new Date(now() - DAY_MS / 24),
    notAfter: new Date(now() + 90 * DAY_MS),
  });
  Deno.mkdirSync(certsDir, { recursive: true });
  replace(keyFile, key, 0o600);
  replace(certFile, cert, 0o644);
  return { certFile, keyFile, made: true };
}

function usable(certFile: string, keyFile: string, now: number): boolean {
  try {
    const certificate = new X509Certificate(Deno.readTextFileSync(certFile));
    Deno.readTextFileSync(keyFile);
    return certificate.validToDate.getTime() - now > RENEW_BEFORE && certificate.validFromDate.getTime() <= now;
  } catch {
    return false;
  }
}

/** Removes the old file or link first: `mode` applies only to new files. */
function replace(path: string, text: string, mode: number): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(path, text, { mode, createNew: true });
}
