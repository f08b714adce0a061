import type { Promised } from "./mutant.ts";

export const rpc: readonly Promised[] = [
  {
    promise: "Malformed or polluting JSON",
    file: "lib/rpc/rpc.ts",
    by: "tests/rpc/rpc_test.ts",
    edits: [
      ["if (exceedsDepth(text, limits.max_depth)) return invalid(element.id ?? null);", ""],
      [" || exceedsDepth(text, limits.max_depth)) {", ") {"],
      ["value.length > limits.max_batch || ", ""],
      ["value.length === 0 || ", ""],
      ['jsonrpc !== "2.0" || ', ""],
      ['typeof method !== "string" || ', ""],
      ["(sentId !== undefined && id === undefined) ||\n", ""],
      ['(params !== undefined && (typeof params !== "object" || params === null))', "false"],
      ['if (id === null || typeof id === "string") return id;', 'if (typeof id === "string") return id;'],
      ["return Number.isInteger(id) && !Number.isSafeInteger(id) ? undefined : id;", "return id;"],
      [
        "return { id: id ?? null, code: ErrorCode.INVALID_REQUEST };",
        "return { id: null, code: ErrorCode.INVALID_REQUEST };",
      ],
      ["code: ErrorCode.PARSE_ERROR", "code: ErrorCode.INVALID_REQUEST"],
      ["checkRequest(item, texts[index]!)", "checkRequest(item, text)"],
      ['typeof id === "number" ? String(id) : JSON.stringify(id)', '`"${id}"`'],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/rpc/json_scan.ts",
    by: "tests/rpc/rpc_test.ts",
    edits: [
      ["let left = levels;", "let left = levels + 1;"],
      ['let at = text.indexOf("[")', "let at = -1"],
      ["depth--;", ""],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/rpc/json_scan.ts",
    by: "tests/rpc/json_scan_test.ts",
    edits: [
      ["c === COMMA && depth === 1", "c === COMMA"],
    ],
  },
];
