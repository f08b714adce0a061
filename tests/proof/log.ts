import type { Promised } from "./mutant.ts";

export const log: readonly Promised[] = [
  {
    promise: "Tokens in URLs and logs",
    file: "lib/log/values.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ['if (clean.includes("eyJ")) clean = clean.replace(WORD, withoutToken);', ""],
      ['if (clean.includes("=")) clean = clean.replace(SECRET_PARAMETER, `$1${REDACTED}`);', ""],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/format.ts",
    by: "tests/log/log_test.ts",
    edits: [["line[RESERVED.has(key) ? `${key}_` : key] = value;", "line[key] = value;"]],
  },
];
