import type { Promised } from "./mutant.ts";

export const admission: readonly Promised[] = [
  {
    promise: "Guessing secrets by timing",
    file: "lib/base/equal_secrets.ts",
    by: "tests/base/equal_secrets_test.ts",
    edits: [
      ["return equalDigests(left, right);", "return left[0] === right[0];"],
      ["return equalDigests(left, right);", "return left.join() === right.join();"],
      ["return equalDigests(left, right);", "return a === b;"],
    ],
  },
  {
    promise: "A web page opens a socket with the user's cookies",
    file: "lib/admission/origin.ts",
    by: "tests/admission/origin_test.ts",
    edits: [
      ["return origin !== null && allowed.has(origin);", "return origin !== null;"],
      ["return url.hostname === match[2]?.toLowerCase() ? url.origin : null;", "return url.origin;"],
      ["if (text.length > MAX_LENGTH) return null;", ""],
      ['return mayBeMissing ? "allowed" : "origin_missing";', 'return "allowed";'],
      ['return allowed.has(header) ? "allowed" : "origin_not_allowed";', 'return "allowed";'],
    ],
  },
  {
    promise: "A web page opens a socket with the user's cookies",
    file: "lib/admission/admission.ts",
    by: "tests/admission/admission_test.ts",
    edits: [
      ['auth.sources.includes("header") &&\n    bearerToken(headers) !== null;', "true;", "lets the origin be missing"],
      [
        "checkUpgrade(handshake) ?? await checkOrigin(handshake, context) ?? checkCapacity(context)",
        "checkUpgrade(handshake) ?? checkCapacity(context) ?? await checkOrigin(handshake, context)",
      ],
    ],
  },
];
