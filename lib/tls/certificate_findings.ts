/** Checks of certificate and key: findings, errors, expiry. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";

const DAY_MS = 86_400_000;
/** `check` reports an expiry within this time, however short the lifetime of the certificate. */
const NEAR_END_MS = 7 * DAY_MS;
const CURVES = new Set(["prime256v1", "secp384r1", "secp521r1"]);
const WILDCARD_HOSTS = new Set(["0.0.0.0", "::", ""]);

/** Days before expiry at which the operator is warned. */
export type ExpiryStage = 30 | 7 | 1 | 0;

/** Validity of a certificate file in milliseconds since the epoch: the intersection over all certificates in it. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Findings about the files of `[tls]`: what clients do not accept now, and will not accept soon. */
export async function certificateFindings(config: Config, now: number = Date.now()): Promise<Finding[]> {
  const { tls, server } = config;
  if (!tls) return [];
  let cert: string;
  let key: string;
  try {
    [cert, key] = await Promise.all([Deno.readTextFile(tls.cert_file), Deno.readTextFile(tls.key_file)]);
  } catch (error) {
    const what = `${tls.cert_file}, ${tls.key_file}: ${
      error instanceof Deno.errors.NotFound ? "the certificate or its key is missing" : "can't be read"
    }`;
    return [finding("error", "tls.cert_file", what, "TLS can't start", "Check path, owner and mode of both files")];
  }
  const files: Record<string, string> = { "tls.cert_file": tls.cert_file, "tls.key_file": tls.key_file };
  return inspectCertificate({ cert, key, host: server.host, now }).map((found) => ({
    ...found,
    what: `${files[found.where] ?? ""}: ${found.what}`,
  }));
}

/**
 * Checks a certificate file (PEM, the server's own certificate first) and its key (PEM). `host` is the listening
 * address, or a name that the certificate should cover; `now` is in milliseconds since the epoch. Errors are faults
 * that no client accepts.
 */
export function inspectCertificate(input: { cert: string; key: string; host?: string; now: number }): Finding[] {
  const chain = parseChain(input.cert);
  const leaf = chain?.[0];
  if (!chain || !leaf) {
    return [
      finding(
        "error",
        "tls.cert_file",
        "Is not a PEM certificate",
        "TLS can't start",
        "Use the PEM file with the full chain",
      ),
    ];
  }
  const keys = keyFindings(leaf, chain, input.key);
  const misplaced = keys.some((finding) => finding.where === "tls.cert_file");
  return [
    ...keys,
    ...dateFindings(chain, input.now),
    ...(misplaced
      ? []
      : [...strengthFindings(leaf), ...chainFindings(leaf, chain), ...nameFindings(leaf, input.host ?? "")]),
  ];
}

/** The faults that no client accepts, one a line; empty when there are none. A reload then keeps the old pair. */
export function certificateErrors(input: { cert: string; key: string; now: number }): string[] {
  return inspectCertificate(input).filter(({ severity }) => severity === "error")
    .map(({ where, what, why }) => `${where}: ${what}. ${why}`);
}

/** Validity of a PEM file; null when it is invalid. */
export function certificateValidity(cert: string): Validity | null {
  const chain = parseChain(cert);
  return chain && chain.length > 0 ? validityOf(chain) : null;
}

function validityOf(chain: X509Certificate[]): Validity {
  return {
    notBefore: Math.max(...chain.map((certificate) => certificate.validFromDate.getTime())),
    notAfter: Math.min(...chain.map((certificate) => certificate.validToDate.getTime())),
  };
}

/**
 * The expiry stage of a certificate: 30, 7 or 1 days before its end, 0 after it, null earlier. For lifetimes below 90
 * days the stages are a third, a sixth and a twelfth of the lifetime before the end.
 */
export function expiryStage(validity: Validity, now: number): ExpiryStage | null {
  const left = validity.notAfter - now;
  const life = validity.notAfter - validity.notBefore;
  if (left <= 0) return 0;
  if (left <= Math.min(DAY_MS, life / 12)) return 1;
  if (left <= Math.min(7 * DAY_MS, life / 6)) return 7;
  return left <= Math.min(30 * DAY_MS, life / 3) ? 30 : null;
}

function parseChain(pem: string): X509Certificate[] | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

function keyFindings(leaf: X509Certificate, chain: X509Certificate[], key: string): Finding[] {
  let privateKey;
  try {
    privateKey = createPrivateKey(key);
  } catch {
    return [
      finding("error", "tls.key_file", "Is not a PEM private key", "TLS can't start", "Use the unencrypted PEM key"),
    ];
  }
  if (leaf.checkPrivateKey(privateKey)) return [];
  const misplaced = chain.some((certificate) => certificate.checkPrivateKey(privateKey));
  return [
    misplaced
      ? finding(
        "error",
        "tls.cert_file",
        "The server's own certificate is not the first one",
        "TLS can't start: the first certificate must belong to the key",
        "Put the server's certificate first, then the intermediates in order",
      )
      : finding(
        "error",
        "tls.key_file",
        "The key does not belong to the certificate",
        "TLS can't start",
        "Deploy the certificate and the key of the same renewal",
      ),
  ];
}

function dateFindings(chain: X509Certificate[], now: number): Finding[] {
  const { notBefore, notAfter } = validityOf(chain);
  if (now < notBefore) {
    const from = new Date(notBefore).toISOString();
    return [
      finding(
        "error",
        "tls.cert_file",
        `Is valid only from ${from}`,
        "Clients refuse it until then",
        "Check the clock; a running server uses it by itself as soon as it is valid",
      ),
    ];
  }
  const stage = expiryStage({ notBefore, notAfter }, now);
  if (stage === null && notAfter - now > NEAR_END_MS) return [];
  const until = new Date(notAfter).toISOString();
  const remedy = "Renew it; check that the ACME client's timer runs and its hook reloads the server";
  if (stage === 0) return [finding("error", "tls.cert_file", `Expired at ${until}`, "Clients refuse it", remedy)];
  const days = Math.floor((notAfter - now) / DAY_MS);
  const left = days === 0 ? "less than a day" : days === 1 ? "a day" : `${days} days`;
  return [
    finding(
      "warning",
      "tls.cert_file",
      `Expires in ${left}, at ${until}`,
      "Clients will refuse it from then on",
      remedy,
    ),
  ];
}

function strengthFindings(leaf: X509Certificate): Finding[] {
  const findings: Finding[] = [];
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  const bits = asymmetricKeyDetails?.modulusLength;
  const curve = asymmetricKeyDetails?.namedCurve;
  if (bits !== undefined && bits < 2048) {
    const why = "Keys under 2048 bits can be factored, and clients refuse them";
    findings.push(finding("error", "tls.cert_file", `Its RSA key has ${bits} bits`, why, "Issue it for a P-256 key"));
  }
  if (asymmetricKeyType === "ec" && curve !== undefined && !CURVES.has(curve)) {
    findings.push(
      finding(
        "warning",
        "tls.cert_file",
        `Its key is on ${curve}`,
        "Few clients support that curve",
        "Use P-256 or P-384",
      ),
    );
  }
  const { signatureAlgorithm } = leaf as { signatureAlgorithm?: string };
  if (signatureAlgorithm !== undefined && /md5|sha-?1(?!\d)/i.test(signatureAlgorithm)) {
    const why = "Signatures with a broken digest can be forged, and clients refuse them";
    findings.push(
      finding("error", "tls.cert_file", `Is signed with ${signatureAlgorithm}`, why, "Request a new certificate"),
    );
  }
  return findings;
}

function chainFindings(leaf: X509Certificate, chain: X509Certificate[]): Finding[] {
  if (leaf.subject === leaf.issuer && leaf.verify(leaf.publicKey)) {
    return [
      finding(
        "note",
        "tls.cert_file",
        "Is self-signed",
        "Only clients that trust it explicitly accept it",
        "Use a certificate of a public authority, except for development",
      ),
    ];
  }
  for (let i = 0; i + 1 < chain.length; i++) {
    if (!chain[i]!.checkIssued(chain[i + 1]!)) return [chainFinding("The chain is out of order or has a gap")];
  }
  return chain.length > 1 ? [] : [chainFinding(`The certificate of its issuer (${oneLine(leaf.issuer)}) is missing`)];
}

function chainFinding(what: string): Finding {
  return finding(
    "warning",
    "tls.cert_file",
    what,
    "Browsers may have it already; other clients can't build the chain and refuse the certificate",
    "Use the full chain file (fullchain.pem), the server's certificate first",
  );
}

function nameFindings(leaf: X509Certificate, host: string): Finding[] {
  const names = certificateNames(leaf);
  if (names.length === 0) {
    const why = "Clients look only at subject alternative names (RFC 9525), and refuse it";
    return [finding("error", "tls.cert_file", "Names no host", why, "Request a certificate with the server's name")];
  }
  const local = names.every((name) => name === "localhost" || /^127\.|^::1$|^0:0:0:0:0:0:0:1$/.test(name));
  const loopback = host === "localhost" || /^127\.|^::1$/.test(host);
  if (local && host !== "" && !loopback) {
    const why = `The server listens on ${host}, where clients use another name and refuse it`;
    return [
      finding("warning", "tls.cert_file", "Is for localhost only", why, "Request a certificate for the public name"),
    ];
  }
  if (WILDCARD_HOSTS.has(host) || loopback || names.some((name) => covers(name, host))) return [];
  const listed = names.slice(0, 5).join(", ");
  const why = `It is for ${listed}: clients that connect by ${host} refuse it`;
  return [
    finding(
      "warning",
      "tls.cert_file",
      `Does not cover ${host}`,
      why,
      "No change is needed if clients use one of its names",
    ),
  ];
}

function certificateNames(leaf: X509Certificate): string[] {
  const entries = leaf.subjectAltName?.split(", ") ?? [];
  return entries.flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1]?.toLowerCase() ?? []);
}

/** RFC 9525 section 6.3: a wildcard is the whole leftmost label and matches exactly one label. */
function covers(name: string, host: string): boolean {
  const wanted = host.toLowerCase();
  if (!name.startsWith("*.") || isIP(wanted)) return name === wanted;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === name.slice(1);
}

function finding(severity: Finding["severity"], where: string, what: string, why: string, remedy: string): Finding {
  return { severity, where, what, why, remedy };
}

function oneLine(distinguishedName: string): string {
  return distinguishedName.replaceAll("\n", ", ");
}
