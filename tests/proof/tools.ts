import type { Promised } from "./mutant.ts";

export const tools: readonly Promised[] = [
  {
    promise: "A compromised package",
    file: "tools/licences.ts",
    by: "tests/deploy/review_test.ts",
    edits: [['return licence.replace(/[()]/g, "").split(" OR ").some(all);', 'return licence !== "UNKNOWN";']],
  },
];
