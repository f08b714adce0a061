import type { Promised } from "./mutant.ts";

export const ops: readonly Promised[] = [
  {
    promise: "CHANGELOG.md: refuse an admin token of fewer than 16 characters",
    file: "lib/ops/admin_token.ts",
    by: "tests/cli/messages_test.ts",
    edits: [["const MIN_LENGTH = 16;", "const MIN_LENGTH = 1;"]],
  },
];
