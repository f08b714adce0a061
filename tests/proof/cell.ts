import type { Promised } from "./mutant.ts";

export const cell: readonly Promised[] = [
  {
    promise: "README.md: in a process of its own, with no permissions by default",
    file: "lib/sandbox/cell/context.ts",
    by: "tests/sandbox/cell/context_test.ts",
    edits: [
      ["const length = apply(lengthOf, data, []) as number;", "const length = (data as Uint8Array).length;"],
      ['if (length > most) throw tooLong("A message", most);', ""],
      ['topic === "" || utf8Length(topic) > MAX_NAME_BYTES', 'topic === ""'],
      ['if (text) checkLength("A message", data, this.#out.maxBytes);', ""],
      ["while (utf8Length(short) > MAX_REASON_BYTES) short = short.slice(0, -1);", ""],
    ],
  },
  {
    promise: "README.md: in a process of its own, with no permissions by default",
    file: "lib/sandbox/cell/notification.ts",
    by: "tests/sandbox/cell/context_test.ts",
    edits: [
      [
        'if (written === undefined || written !== "" && written[0] !== "{" && written[0] !== "[") {',
        "if (written === undefined) {",
      ],
      ['checkLength("A notification", text, most);', ""],
      ["utf8Length(method) > MAX_NAME_BYTES", "method.length > MAX_NAME_BYTES"],
    ],
  },
  {
    promise: "README.md: | -32602",
    file: "lib/sandbox/cell/callable.ts",
    by: "tests/sandbox/cell/callable_test.ts",
    edits: [
      ["if (!parsed.success) throw new Misfit(jsonText({ issues: visibleIssues(parsed.error) })!);", ""],
      ["if (!parsed.success) throw parsed.error;", ""],
    ],
  },
  {
    promise: "README.md: | -32602",
    file: "lib/sandbox/cell/issues.ts",
    by: "tests/sandbox/cell/callable_test.ts",
    edits: [
      ["error.issues.slice(0, MOST_ISSUES)", "error.issues"],
      ["String(key).slice(0, MAX_TEXT_LENGTH)", "String(key)"],
    ],
  },
];
