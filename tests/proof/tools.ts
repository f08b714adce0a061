import type { Promised } from "./mutant.ts";

export const tools: readonly Promised[] = [
  {
    promise: "A compromised package",
    file: "tools/licences.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ['return licence.replace(/[()]/g, "").split(" OR ").some(all);', 'return licence !== "UNKNOWN";', "accepted()"],
      ['split(" OR ").some(all)', 'split(" OR ").every(all)', "accepted()"],
      ['text.split(" AND ").every(', 'text.split(" AND ").some(', "accepted()"],
      ['  "MPL-2.0",\n', '  "MPL-2.0",\n  "GPL-3.0",\n', "accepted()"],
      ['? Uint8Array.fromBase64(integrity.slice(7)).toHex() : ""', '? "0" : ""', "cycloneDx()"],
    ],
  },
  {
    promise: "A compromised package",
    file: "tools/review.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ["return failures === 0 ? 0 : 1;", "return 0;", "exit status"],
      ["if (fatal.includes(outcome.verdict)) failures++;", "", "exit status"],
      [
        'return code === 0 ? ok(output.trim().split("\\n").at(-1) ?? "") : failed(output);',
        "return ok(`${code}${output}`);",
        "exit status",
      ],
      [
        "outcome = failed(error instanceof Error ? error.message : String(error));",
        "outcome = ok(String(error));",
        "exit status",
      ],
    ],
  },
  {
    promise: "A compromised package",
    file: "tools/project.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ["/^(-A|--allow-(all|ffi))(=|$)/.test(flag) || ", "", "serverFlags()"],
      ["|| /^--allow-(run|sys)/.test(flag) && !allowed.includes(flag)", "", "serverFlags()"],
      ["(-A|--allow-(all|ffi))", "(-A|--allow-all)", "serverFlags()"],
    ],
  },
];
