import type { Promised } from "./mutant.ts";

export const revocation: readonly Promised[] = [
  {
    promise: "docs/operations.md: A revocation is kept until every token it means is refused for its age",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/admission/revocation/bounds_test.ts",
    edits: [
      ['"before" in what ? Math.max(now(), what.before) : now()', "now()", "later moment"],
    ],
  },
  {
    promise: "docs/operations.md: it is on the disk before the answer",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/admission/revocation/bounds_test.ts",
    edits: [
      ["this.#store.flush();\n    return this.#shared(", "return this.#shared(", "lift()"],
      ["this.#store.flush();\n    this.#announce", "this.#announce", "lift()"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A table or buffer without a bound",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/admission/revocation/bounds_test.ts",
    edits: [
      ["...since.slice(1 - MAX_READINGS)", "...since", "written without end"],
      ["...(settled ? [settled] : []), ", "", "written without end"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A table or buffer without a bound",
    file: "lib/admission/revocation/revocation_form.ts",
    by: "tests/admission/revocation/bounds_test.ts",
    edits: [
      ["lines.pop()!.slice(0, MAX_LINE_LENGTH)", "lines.pop()!", "never ends"],
    ],
  },
  {
    promise: "docs/operations.md: A line has an effect as soon as its newline is written",
    file: "lib/admission/revocation/revoked_file.ts",
    by: "tests/admission/revocation/bounds_test.ts",
    edits: [
      ["if (this.#stale) void this.#changed();", "", "RevokedFile.apply()"],
      ['if (this.#state === "applied") await', 'if (this.#state !== "closed") await', "RevokedFile.apply()"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A bound exists for everything a client",
    file: "lib/admission/ticket_endpoint.ts",
    by: "tests/admission/ticket_endpoint_test.ts",
    edits: [
      ["await request.body?.cancel();", "", "nothing of the body"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A bound exists for everything a client",
    file: "lib/admission/token/roles.ts",
    by: "tests/admission/token/roles_test.ts",
    edits: [
      ["!Array.isArray(roles) || roles.length > MAX_ROLES", "!Array.isArray(roles)", "256 roles"],
      ['typeof role === "string" && role !== ""', 'typeof role === "string"', "no names"],
      ["[...new Set<string>(roles)]", "roles", "no names"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/json.ts",
    by: "tests/admission/token/bad_tokens_test.ts",
    edits: [
      ["value === null || Array.isArray(value)", "value === null", "objects only"],
      ["if (seen.has(name)) return true;", "", "objects only"],
      ['text[end] === "\\\\" ? 2 : 1', "1", "objects only"],
    ],
  },
];
