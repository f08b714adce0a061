import type { Promised } from "./mutant.ts";

export const tls: readonly Promised[] = [
  {
    promise: "A wrong, weak or expiring certificate",
    file: "lib/tls/certificate_findings.ts",
    by: "tests/tls/certificate_findings_test.ts",
    edits: [
      ["if (leaf.checkPrivateKey(privateKey)) return [];", "return [];"],
      ["if (now < notBefore) {", "if (false) {"],
      ["if (stage === 0) return", "if (false) return"],
      ["bits !== undefined && bits < 2048", "false"],
      ["if (!chain[i]!.checkIssued(chain[i + 1]!)) return", "if (false) return"],
      ["return chain.length > 1 ? [] : [", "return true ? [] : ["],
      ["if (names.length === 0) {", "if (false) {"],
      ['if (local && host !== "" && !loopback) {', "if (false) {"],
      ["return dot > 0 && wanted.slice(dot) === name.slice(1);", "return wanted.endsWith(name.slice(1));"],
      ["if (left <= 0) return 0;", "", "expiryStage"],
      ["Math.min(7 * DAY_MS, life / 6)", "7 * DAY_MS", "expiryStage"],
      ["notAfter: Math.min(", "notAfter: Math.max("],
    ],
  },
  {
    promise: "A wrong, weak or expiring certificate",
    file: "lib/tls/certificate_watch.ts",
    by: "tests/tls/certificate_findings_test.ts",
    edits: [
      ["if (stage === this.told) return;", "", "CertificateWatch"],
      ["    this.told = null;\n", "", "CertificateWatch"],
      ["this.secondsLeft() > 0 && ", "", "CertificateWatch"],
      [
        'this.log.error("certificate.expired", fields)',
        'this.log.warn("certificate.expired", fields)',
        "CertificateWatch",
      ],
    ],
  },
  {
    promise: "README.md: The command makes a self-signed development certificate",
    file: "lib/tls/development_certificate.ts",
    by: "tests/tls/certificate_test.ts",
    edits: [
      ["replace(keyFile, key, 0o600);", "replace(keyFile, key, 0o644);", "ensureDevelopmentCertificate"],
      ["certificate.validToDate.getTime() - now > RENEW_BEFORE && ", "", "ensureDevelopmentCertificate"],
      ["if (usable(certFile, keyFile, now())) return", "if (false) return", "ensureDevelopmentCertificate"],
    ],
  },
];
