import type { Promised } from "./mutant.ts";

export const tools: readonly Promised[] = [
  {
    promise: "A compromised package",
    file: "tools/licences.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ['return licence.replace(/[()]/g, "").split(" OR ").some(all);', 'return licence !== "UNKNOWN";', "accepted()"],
      ['split(" OR ").some(all)', 'split(" OR ").every(all)', "accepted()"],
      ['text.split(" AND ").every(', 'text.split(" AND ").some(', "accepted()"],
      ['  "MPL-2.0",\n', '  "MPL-2.0",\n  "GPL-3.0",\n', "accepted()"],
      ['? Uint8Array.fromBase64(integrity.slice(7)).toHex() : ""', '? "0" : ""', "cycloneDx()"],
    ],
  },
  {
    promise: "A compromised package",
    file: "tools/review.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ["return failures === 0 ? 0 : 1;", "return 0;", "exit status"],
      ["if (fatal.includes(outcome.verdict)) failures++;", "", "exit status"],
      [
        'return code === 0 ? ok(output.trim().split("\\n").at(-1) ?? "") : failed(output);',
        "return ok(`${code}${output}`);",
        "exit status",
      ],
      [
        "outcome = failed(error instanceof Error ? error.message : String(error));",
        "outcome = ok(String(error));",
        "exit status",
      ],
    ],
  },
  {
    promise: "A compromised package",
    file: "tools/project.ts",
    by: "tests/deploy/review_test.ts",
    edits: [
      ["/^(-A|--allow-(all|ffi))(=|$)/.test(flag) || ", "", "serverFlags()"],
      ["|| /^--allow-(run|sys)/.test(flag) && !allowed.includes(flag)", "", "serverFlags()"],
      ["(-A|--allow-(all|ffi))", "(-A|--allow-all)", "serverFlags()"],
    ],
  },
  {
    promise: "README.md: an executable with its permissions built in",
    file: "tools/compile.ts",
    by: "tests/deploy/builds_test.ts",
    edits: [
      ['flag.replace(/^--allow-run=.*/, "--allow-run")', 'flag.replace(/^--allow-run=.*/, "-A")', "compileArguments()"],
      ["...serverFlags(project).map(", '..."--allow-all".split(" ").map(', "compileArguments()"],
      ['"--no-remote", "--no-npm"', '"--no-npm"', "compileArguments()"],
      ['"--no-config", "--no-lock"', '"--no-lock"', "compileArguments()"],
      ['"--no-check", "--no-code-cache"', '"--no-check"', "compileArguments()"],
      [
        '...names.filter((name) => name !== MAIN).flatMap((name) => ["--include", name]),',
        '..."--include .".split(" "),',
        "compileArguments()",
      ],
      ["...project.unstable.map((name) => `--unstable-${name}`),", "", "compileArguments()"],
      ['...(target === undefined ? [] : ["--target", target]),', "", "compileArguments()"],
    ],
  },
  {
    promise: "docs/deployment.md: all JavaScript, the start script `run`, and a unit for it",
    file: "tools/bundle.ts",
    by: "tests/deploy/builds_test.ts",
    edits: [
      ['"--no-lock", "--no-remote"]', '"--no-lock"]', "bundleFlags()"],
      ['"--no-config", "--no-lock"', '"--no-lock"', "bundleFlags()"],
      ["serverFlags(project, DENO_INSTALLED)", "serverFlags(project)", "bundleFlags()"],
      ["...serverFlags(project, DENO_INSTALLED)", '"-A"', "bundleFlags()"],
      [".concat(project.unstable.map((name) => `--unstable-${name}`))", "", "bundleFlags()"],
      ['.replace("-/usr/local/bin/deno", "/usr/local/bin/deno")', "", "unitForDeno()"],
      ['.replace("ExecPaths=/usr/local/bin/sallyport ", "ExecPaths=")', "", "unitForDeno()"],
      ['return unit.replace("ExecStart=/usr/local/bin/sallyport ", start)', "return unit", "unitForDeno()"],
      ["'\"--allow-run=$deno\"'", '"--allow-run"', "runScript()"],
      ['"$@"\n`', "$@\n`", "runScript()"],
    ],
  },
  {
    promise: "docs/deployment.md: makes `dist/sallyport` and `dist/SHA256SUMS`",
    file: "tools/project.ts",
    by: "tests/deploy/builds_test.ts",
    edits: [
      [
        "if (sum && name && await Deno.stat(join(directory, name)).catch(() => null))",
        "if (sum && name)",
        "writeSums()",
      ],
      [
        "if (sum && name && await Deno.stat(join(directory, name)).catch(() => null)) sums.set(name, sum);",
        "",
        "writeSums()",
      ],
      [
        'crypto.subtle.digest("SHA-256", await Deno.readFile(join(directory, name)))',
        'crypto.subtle.digest("SHA-256", new Uint8Array(0))',
        "writeSums()",
      ],
    ],
  },
  {
    promise: "docs/handlers.md: a [bundle](#imports-and-packages)",
    file: "tools/handler_bundle.ts",
    by: "tests/deploy/handler_bundle_test.ts",
    edits: [
      ["await Deno.remove(output);", ""],
      ["if (refused.length === 0) return;", "if (refused.length >= 0) return;"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: Test bad input as much as good",
    file: "tools/coverage.ts",
    by: "tests/deploy/coverage_test.ts",
    edits: [
      ["counted.get(key) === true || Number(count) > 0", "Number(count) > 0"],
      ["counted.get(key) === true || Number(count) > 0", "true"],
      ['file = text.replace(`${root}/`, "")', "file = text"],
    ],
  },
];
