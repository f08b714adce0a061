/** Creates the TLS context of a certificate and its key. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsMaterial } from "./tls_files.ts";

/**
 * TLS 1.2 and 1.3 with the cipher suites of rustls.
 *
 * @throws {Error} if either is not PEM, or the key does not match the certificate
 */
export function secureContextOf(material: TlsMaterial): SecureContext {
  const certificate = new X509Certificate(material.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(material.key))) {
    throw new Error("Cannot use the TLS key: it does not belong to the certificate");
  }
  return createSecureContext({ cert: material.cert, key: material.key, minVersion: "TLSv1.2" });
}
