import type { Promised } from "./mutant.ts";

export const client: readonly Promised[] = [
  {
    promise: "docs/client.md: 401",
    file: "client/outcomes.ts",
    by: "tests/client/outcomes_test.ts",
    edits: [[
      "export const TOKEN_REFUSED: readonly number[] = [401, 4401];",
      "export const TOKEN_REFUSED: readonly number[] = [401];",
    ]],
  },
];
