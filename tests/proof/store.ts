import type { Promised } from "./mutant.ts";

export const store: readonly Promised[] = [
  {
    promise: "ARCHITECTURE.md: A write of the store that returned survives SIGKILL",
    file: "lib/store/sqlite.ts",
    by: "tests/store/kill_test.ts",
    edits: [["new DatabaseSync(path)", 'new DatabaseSync(":memory:")']],
  },
];
