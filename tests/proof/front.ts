import type { Promised } from "./mutant.ts";

export const front: readonly Promised[] = [
  {
    promise: "Half requests, slow TLS, many connections",
    file: "lib/front/edge/request_head.ts",
    by: "tests/front/edge/request_head_test.ts",
    edits: [["export const MAX_HEAD_BYTES = 16 * 1024;", "export const MAX_HEAD_BYTES = 1024 * 1024;"]],
  },
];
