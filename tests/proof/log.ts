import type { Promised } from "./mutant.ts";

export const log: readonly Promised[] = [
  {
    promise: "Tokens in URLs and logs",
    file: "lib/log/values.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ['if (clean.includes("eyJ")) clean = clean.replace(WORD, withoutToken);', ""],
      ['if (clean.includes("=")) clean = clean.replace(SECRET_PARAMETER, `$1${REDACTED}`);', ""],
      ["return word.slice(0, start) + REDACTED;", "return word.slice(0, start + 12) + REDACTED;"],
      ['return SECRET_NAME.test(key) && !key.endsWith("_file");', "return SECRET_NAME.test(key);"],
    ],
  },
  {
    promise: "Tokens in URLs and logs",
    file: "lib/log/values.ts",
    by: "tests/log/bounds_test.ts",
    edits: [
      ["secret(key, value) ? REDACTED : copy", "false ? REDACTED : copy"],
      ["/token|cookie|", "/cookie|"],
      ["|cookie|", "|"],
      ["|ticket|", "|"],
      ["|authorization|", "|"],
      ["|secret|", "|"],
      ["|password|", "|"],
      ["|passphrase|", "|"],
      ["|private_?key/i", "/i"],
      ["private_?key/i", "private_key/i"],
      ["private_?key/i", "private_?key/"],
      ['typeof value !== "string" && typeof value !== "object"', 'typeof value !== "string"'],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/values.ts",
    by: "tests/log/bounds_test.ts",
    edits: [
      ['if (--budget.values < 0) return "[more]";', ""],
      ["keys.slice(0, MAX_ENTRIES)", "keys"],
      ["values.slice(0, MAX_ENTRIES)", "values"],
      ["const MAX_STRING_LENGTH = 1024;", "const MAX_STRING_LENGTH = 1_000_000;"],
      ["const MAX_TEXT_LENGTH = 16 * 1024;", "const MAX_TEXT_LENGTH = 16 * 1024 * 1024;"],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/values.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ['if (depth >= MAX_DEPTH) return "[deep]";', ""],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/format.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ["line[RESERVED.has(key) ? `${key}_` : key] = value;", "line[key] = value;"],
      ["return printable(JSON.stringify(line));", "return JSON.stringify(line);"],
      ["/[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]/gu", "/[\\p{Cf}\\p{Zl}\\p{Zp}]/gu"],
      ["/[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]/gu", "/[\\p{Cc}\\p{Zl}\\p{Zp}]/gu"],
      ["/[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]/gu", "/[\\p{Cc}\\p{Cf}\\p{Zp}]/gu"],
      ["/[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]/gu", "/[\\p{Cc}\\p{Cf}\\p{Zl}]/gu"],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/flood.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ["const LINES_PER_WINDOW = 10;", "const LINES_PER_WINDOW = 1000;", "ten of an event a second"],
      ["module === undefined ? event : `${event} ${module}`", "event", "another"],
      ["window.refs.push(ref)", "void ref", "no ref be lost"],
      ["|| now < window.startedAt", "", "set back"],
      ["if (suppressed > 0) this.summary(level, event, suppressed, { refs, module });", "", "ten of an event a second"],
      ["this.timer ??= setTimeout(() => this.tick(), WINDOW_MS);", "", "that stopped"],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/flood.ts",
    by: "tests/log/bounds_test.ts",
    edits: [["if (this.windows.size >= MAX_EVENTS) this.report();", ""]],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/log.ts",
    by: "tests/log/log_test.ts",
    edits: [
      ["plain({ ...own, ...fields })", "{ ...own, ...fields }"],
      ["      flood.report();\n", "", "at flush"],
      ["RANK[level] < RANK[owned.level] || ", "", "its level and the ones above"],
    ],
  },
  {
    promise: "A full disk, a closed or stuck log reader",
    file: "lib/log/output.ts",
    by: "tests/log/output_test.ts",
    edits: [
      ["if (this.waitingLength + line.length > MAX_WAITING_LENGTH) {", "if (false) {"],
      ["this.lost += lines.length;", ""],
      ["        this.reportLost();\n", ""],
      ["bytes > MAX_WRITE_BYTES", "bytes > 2 * MAX_WRITE_BYTES", "don't mix"],
      ["this.waitingLength -= line.length;", "", "1 MiB"],
      [
        "while (rest.length > 0) rest = rest.subarray(await this.output.write(rest));",
        "await this.output.write(rest);",
      ],
    ],
  },
  {
    promise: "Forged log lines, terminal escapes, lost evidence",
    file: "lib/log/values.ts",
    by: "tests/log/log_test.ts",
    edits: [
      [
        "map((value) => copy(value, depth + 1, budget) ?? null)",
        "map((value) => copy(value, depth, budget) ?? null)",
        "bounds a line",
      ],
    ],
  },
];
