import type { Promised } from "./mutant.ts";

export const supervisor: readonly Promised[] = [
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/silence.ts",
    by: "tests/sandbox/supervisor/silence_test.ts",
    edits: [
      ["this.#milliseconds = 0;\n  }", "}"],
      ["Math.min(Math.max(elapsed, 0), 2 * LOOK_MS)", "Math.max(elapsed, 0)"],
      ["Math.min(Math.max(elapsed, 0), 2 * LOOK_MS)", "Math.min(elapsed, 2 * LOOK_MS)"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/private_folder.ts",
    by: "tests/sandbox/supervisor/private_folder_test.ts",
    edits: [
      ["Deno.chmodSync(path, 0o700);", "Deno.chmodSync(path, 0o755);"],
      ["if (this.#path !== undefined) removeFolder(this.#path);", ""],
      [
        "for (const { name } of Deno.readDirSync(path)) Deno.removeSync(join(path, name), { recursive: true });",
        "Deno.statSync(path);",
      ],
      [
        'if (new TextEncoder().encode(join(path, "cells-000000")).length > MAX_SOCKET_PATH_BYTES) {',
        "if (false as boolean) {",
      ],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/process_end.ts",
    by: "tests/sandbox/supervisor/process_end_test.ts",
    edits: [
      ["plainText(detail)", "detail", "without control characters"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/process_end.ts",
    by: "tests/sandbox/supervisor/process_end_test.ts",
    edits: [
      ['if (farewell === VitalsKind.OutOfMemory) return end("out_of_memory", "the process was over its memory");', ""],
      ["if (killed !== undefined) return end(killed.cause, killed.detail);", ""],
      [" && /out of memory/i.test(errors)", ""],
      [".slice(0, MAX_DETAIL_LENGTH)", ""],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/cell_processes.ts",
    by: "tests/sandbox/supervisor/cell_processes_test.ts",
    edits: [
      [
        "this.#closed || most === undefined || siblings >= most",
        "this.#closed || most === undefined",
        "more processes",
      ],
      ["Math.max(rate.wait(1, now), this.#totalRate.wait(1, now))", "this.#totalRate.wait(1, now)", "burst of starts"],
      ["...grantedVariables(settings.permissions.env, environment)", "...environment", "environment of a cell"],
      ["const SECRET_BYTES = 32;", "const SECRET_BYTES = 8;", "secret of its own"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/cell_flags.ts",
    by: "tests/sandbox/supervisor/cell_processes_test.ts",
    edits: [
      ['...(env.length > 0 ? [list("env", env)] : ["--deny-env"]),', '"--allow-env",', "may read its module's folder"],
      ['list("net", [`unix:${socketPath}`, ...net]),', '"--allow-net",', "nothing else"],
      ['list("read", [...programFolders, folder, socketPath, ...read]),', '"--allow-read",', "nothing else"],
      ['if (entry.includes(",")) {', "if (false as boolean) {", "comma"],
      ["[`unix:${socketPath}`, ...net]", "[`unix:${socketPath}`]", "granted"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/bounded_output.ts",
    by: "tests/sandbox/supervisor/cell_processes_test.ts",
    edits: [
      ["const part = chunk.subarray(0, this.#left);", "const part = chunk;", "passed on up to a bound"],
    ],
  },
];
