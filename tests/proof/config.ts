import type { Promised } from "./mutant.ts";

export const config: readonly Promised[] = [
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/config/rules.ts",
    by: "tests/config/rules_test.ts",
    edits: [
      ['if (families.has("secret") && families.size > 1) {', "if (false) {"],
      ['if (symmetric !== (source === "secret_file")) {', "if (false) {"],
      ['if (sources.includes("public_key_file") && families.size > 1) {', "if (false) {"],
      ["if (sources.length !== 1) {", "if (sources.length === 0) {"],
    ],
  },
];
