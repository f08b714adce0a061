import type { Promised } from "./mutant.ts";

export const author: readonly Promised[] = [
  {
    promise: "docs/contract.md: The contract of a module is what its clients rely on",
    file: "lib/sandbox/author/server_methods.ts",
    by: "tests/sandbox/author/contract_check_test.ts",
    edits: [
      ["/^(?:rpc|session|topic)\\./", "/^(?:rpc|topic)\\./", "another reserved name"],
      ["/^(?:rpc|session|topic)\\./", "/^(?:session|topic)\\./", "refuses a reserved name"],
    ],
  },
  {
    promise: "docs/contract.md: The contract of a module is what its clients rely on",
    file: "lib/sandbox/author/contract_check.ts",
    by: "tests/sandbox/author/contract_check_test.ts",
    edits: [
      ["if (!METHOD_NAME.test(name)) {", "if (false as boolean) {", "name with spaces"],
      ['if (methods.has(name)) wrong("is there twice");', "", "there twice"],
      ['if (listed.length === 0) problems.push("methods is empty");', "", "refuses no methods"],
      ['if (found["handle"] !== "function") wrong("handle is no function");', "", "no handle"],
      [
        'if (open === true && found["roles"] !== undefined) wrong("public: true and roles contradict each other");',
        "",
        "public and roles",
      ],
      ["|| cost < 1 ||", "||", "cost of nothing"],
      ["|| cost > MOST_COST) {", ") {", "too much cost"],
      ["if (codes.has(code)) wrong(`two errors have the code ${code}`);", "", "two errors of one code"],
      ["else if (isReserved(code)) wrong(`${what} codes from -32768 to -32000 are reserved`);", "", "reserved code"],
      ['typeof code !== "number" || code !== (code | 0)', 'typeof code !== "number"', "fractional code"],
      [
        "if (isDeep(example)) wrong(`examples[${index}] is nested more than ${MAX_LEVELS} levels deep`);",
        "",
        "64 levels",
      ],
      ["wrong(`examples[${String(index)}] does not fit params`);", "", "example that does not fit"],
    ],
  },
  {
    promise: "docs/contract.md: The contract of a module is what its clients rely on",
    file: "lib/sandbox/author/topic_check.ts",
    by: "tests/sandbox/author/contract_check_test.ts",
    edits: [
      ['if (found.length === 0) problems.push("topics is empty");', "", "no topics"],
      [
        "if (other !== undefined) wrong(`a name can match both this and ${JSON.stringify(other.text.slice(0, 200))}`);",
        "",
        "topics that overlap",
      ],
      ["milliseconds >= MIN_RECHECK_MS && ", "", "recheck below a second"],
      [" && milliseconds <= MAX_RECHECK_MS", "", "recheck over a day"],
      [
        "if (!Object.hasOwn(properties, name)) wrong(`params has no ${name}, which the pattern has`);",
        "",
        "lack a placeholder",
      ],
      [
        "if (!placeholders.includes(String(name))) wrong(`params needs ${String(name)}, which the pattern does not have`);",
        "",
        "the pattern lacks",
      ],
      [
        'if (found["allow"] !== "function" && found["allow"] !== "undefined") wrong("allow is no function");',
        "",
        "allow that is no function",
      ],
    ],
  },
  {
    promise: "A client follows a topic it may not",
    file: "lib/sandbox/author/topic_table.ts",
    by: "tests/sandbox/author/topic_pattern_test.ts",
    edits: [["if (!isTopicName(name)) return undefined;", "", "a table of topics"]],
  },
  {
    promise: "docs/contract.md: The contract of a module is what its clients rely on",
    file: "lib/sandbox/author/topic_pattern.ts",
    by: "tests/sandbox/author/topic_pattern_test.ts",
    edits: [
      ["!NO_NAME.test(name) && ", ""],
      ["name.isWellFormed() &&\n", "true &&\n"],
      ["encoder.encode(name).length <= MAX_TOPIC_BYTES;", "true;"],
      ['"([^:/]+)"', '"(.+)"'],
      ["isTopicName(name) ? this.matchValid(name) : null", "this.matchValid(name)"],
      [
        "if (placeholders.length > MAX_PLACEHOLDERS) return `a pattern has at most ${MAX_PLACEHOLDERS} placeholders`;",
        "",
      ],
      ['if (new Set(placeholders).size !== placeholders.length) return "a pattern names each placeholder once";', ""],
      ["this.#separators === other.#separators &&\n      ", ""],
      ["return startsAlike && endsAlike;", "return startsAlike;"],
      ["literal.length > before.length + after.length && ", ""],
    ],
  },
];
