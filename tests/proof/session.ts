import type { Promised } from "./mutant.ts";

export const session: readonly Promised[] = [
  {
    promise: "Malformed or polluting JSON",
    file: "lib/rpc/json_scan.ts",
    by: "tests/rpc/rpc_test.ts",
    edits: [
      ["if (++depth > maxDepth) return true;", "if (++depth > maxDepth + 1) return true;"],
      [
        "if (c === BACKSLASH) i++;\n      else if (c === QUOTE) inString = false;\n    } else if (c === QUOTE) {\n      inString = true;\n    } else if (c === 0x7b || c === 0x5b) {\n      if (++depth",
        "if (c === BACKSLASH);\n      else if (c === QUOTE) inString = false;\n    } else if (c === QUOTE) {\n      inString = true;\n    } else if (c === 0x7b || c === 0x5b) {\n      if (++depth",
      ],
    ],
  },
  {
    promise: "A token used after logout or expiry",
    file: "lib/server/gate.ts",
    by: "tests/server/admission_races_test.ts",
    edits: [
      [
        'if (revocations.isRevoked(accepted.identity)) session.end("token_revoked");\n    else if (banned)',
        "if (banned)",
        "edge: a user who is revoked",
      ],
      ['else if (banned) session.end("banned");', "", "edge: a user who is banned"],
    ],
  },
];
