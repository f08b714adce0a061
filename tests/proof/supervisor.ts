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
        "for (const { name } of Deno.readDirSync(path)) {",
        "for (const { name } of [] as Deno.DirEntry[]) {",
      ],
      ['if (name.split("-")[1] === String(front)) ', "", "sockets of the others"],
      [
        'if (new TextEncoder().encode(join(path, "cells-63-000000")).length > MAX_SOCKET_PATH_BYTES) {',
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
      ["a.place - b.place || a.last - b.last", "a.place - b.place", "go round"],
      ["Math.max(rate.wait(1, now), this.#totalRate.wait(1, now))", "rate.wait(1, now)", "go round"],
      ["for (const entry of this.#entries) this.#kill(entry);", "", "close() ends"],
      ["this.#emptied?.();", "", "close() ends"],
      ["if (this.#closed || most === undefined", "if (most === undefined", "close() ends"],
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
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/supervisor.ts",
    by: "tests/sandbox/supervisor/fronts_test.ts",
    edits: [
      [
        "this.#all((keeper) => keeper.healthy)",
        "this.#keepers.some((keeper) => keeper.healthy)",
        "started again alone",
      ],
      ["|| !this.#all(({ ready, reloading }) => ready && !reloading)", "", "once every front listens"],
      ["this.#exitStatus ||= status;", "this.#exitStatus = status;", "again and again"],
      ["if (!this.#keepers.some((other) => other !== keeper && other.reloading)) ", "", "once every front listens"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/supervisor/front_keeper.ts",
    by: "tests/sandbox/supervisor/fronts_test.ts",
    edits: [
      ["this.#options.now() - this.#heardAt <= FRESH_MS", "true", "without health"],
      ["return this.#ready && fresh &&", "return fresh &&", "once every front listens"],
    ],
  },
  {
    promise: "docs/operations.md: After a change of the file, send SIGHUP",
    file: "lib/cli/served_config.ts",
    by: "tests/fronts/fronts_test.ts",
    edits: [
      [
        "if (restart.length === 0) this.#last = next;",
        "if (true as boolean) this.#last = next;",
        "configuration of the others",
      ],
    ],
  },
  {
    promise: "docs/operations.md: the file of the store",
    file: "lib/config/fronts.ts",
    by: "tests/fronts/operations_test.ts",
    edits: [
      ["if (path === undefined || front === 0) return config;", "if (front >= 0) return config;", "store of each"],
    ],
  },
  {
    promise: "docs/handlers.md: A cell has none",
    file: "lib/sandbox/supervisor/cell_flags.ts",
    by: "tests/sandbox/supervisor/cell_flags_test.ts",
    edits: [
      ['[list("sys", sys)] : ["--deny-sys"]', '[list("sys", sys)] : ["--allow-sys"]', "nothing but its folder"],
      ['[list("import", imports)] : ["--deny-import"]', '[list("import", imports)] : []', "nothing but its folder"],
      ['    "--deny-run",\n', "", "nothing but its folder"],
      ['    "--deny-ffi",\n', "", "nothing but its folder"],
      ['list("write", [socketPath, ...write]),', '"--allow-write",', "each permission"],
      [
        "name.startsWith(entry.slice(0, -1)) : name === entry",
        "name.startsWith(entry.slice(0, -1)) : name.startsWith(entry)",
        "named prefix",
      ],
      ["Math.max(1, Math.floor(memory / 2 ** 20))", "Math.floor(memory / 2 ** 20)", "each permission"],
    ],
  },
];
