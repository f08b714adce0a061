/** Creates certificates for development and tests. */
import { isIP } from "node:net";

/** A certificate with its private key, both PEM, and the objects for issuing from it. */
export interface MadeCertificate {
  /** The certificate, followed by that of its `ca` unless the `ca` is self-signed. */
  readonly cert: string;
  /** PKCS#8. */
  readonly key: string;
  readonly notAfter: Date;
}

export interface CertificateOptions {
  /** DNS names and IP addresses. The first one is also the subject's common name. */
  hosts: readonly string[];
  /** Default: an hour ago, for clients with slow clocks. */
  notBefore?: Date;
  /** Default: 90 days from now. */
  notAfter?: Date;
  /** The issuer. Without it the certificate is self-signed. */
  ca?: MadeCertificate;
  /** Whether the certificate may issue others. */
  isCa?: boolean;
  /** Default `ec` (P-256). `rsa1024` serves to test the refusal of weak keys. */
  keyType?: "ec" | "rsa2048" | "rsa1024";
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * Creates a certificate for TLS servers (RFC 5280): hosts as subject alternative names, usage `serverAuth`, a serial of
 * 128 random bits. For development and tests; a public server uses a certificate of an authority.
 */
export async function makeCertificate(options: CertificateOptions): Promise<MadeCertificate> {
  // Loaded lazily: only development and tests need the library.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { hosts, ca, isCa = false, keyType = "ec" } = options;
  const notBefore = options.notBefore ?? new Date(Date.now() - HOUR_MS);
  const notAfter = options.notAfter ?? new Date(Date.now() + 90 * DAY_MS);
  const algorithm = keyType === "ec" ? EC : {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: keyType === "rsa2048" ? 2048 : 1024,
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const issuer = ca && new x509.X509Certificate(ca.cert);
  const signingKey = ca ? await importKey(ca.key) : keys.privateKey;
  const subject = [{ CN: [hosts[0] ?? "localhost"] }];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: issuer ? issuer.subject : subject,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ca ? EC : algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(isCa, undefined, true),
      new x509.KeyUsagesExtension(
        isCa ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign : x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      ...(isCa ? [] : [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) ? "ip" as const : "dns" as const, value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const chain = issuer && issuer.subject !== issuer.issuer ? ca.cert : "";
  return {
    cert: pem("CERTIFICATE", certificate.rawData) + chain,
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
    notAfter,
  };
}

/** A positive number without a leading zero byte, as DER requires. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toHex();
}

async function importKey(key: string): Promise<CryptoKey> {
  const der = Uint8Array.fromBase64(key.replace(/-----[A-Z ]+-----|\s/g, ""));
  return await crypto.subtle.importKey("pkcs8", der, EC, false, ["sign"]);
}

function pem(label: string, der: ArrayBuffer): string {
  const lines = new Uint8Array(der).toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
