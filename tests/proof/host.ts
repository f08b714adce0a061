import type { Promised } from "./mutant.ts";

export const host: readonly Promised[] = [
  {
    promise: "docs/operations.md: restarts of cells",
    file: "lib/sandbox/host/slot.ts",
    by: "tests/sandbox/host/slot_test.ts",
    edits: [
      ["if (this.#deps.now() - this.#since >= STABLE_MS) this.#strikes = 0;", "this.#strikes = 0;", "twice as long"],
      ["if (this.#deps.now() - this.#since >= STABLE_MS) this.#strikes = 0;", "", "twice as long"],
      ["FIRST_WAIT_MS * 2 ** Math.min(strikes - 1, 20)", "FIRST_WAIT_MS", "twice as long"],
      ["if (cell.idle || now >= latest) cell.end", "if (cell.idle) cell.end", "replaced cell"],
      ["if (cell.idle || now >= latest) cell.end", "if (now >= latest) cell.end", "replaced cell"],
      [
        "if (old !== undefined) this.#leaving.set(",
        "if (old !== undefined && old.over) this.#leaving.set(",
        "replaced cell",
      ],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Every message of a cell is validated",
    file: "lib/sandbox/host/cell_effects.ts",
    by: "tests/sandbox/host/slot_test.ts",
    edits: [
      ["text(second).slice()", "text(second)", "message of its own"],
      ["notification.slice()", "notification", "message of its own"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A module reads only real files of its folder",
    file: "lib/sandbox/cell/importable.ts",
    by: "tests/sandbox/cell/importable_test.ts",
    edits: [
      ["if (above.includes(real)) return { whole: false, paths: [] };", "", "lead round"],
      ['name === "node_modules" || name.startsWith(".")', 'name === "node_modules"', "hidden files"],
      ['name === "node_modules" || name.startsWith(".")', 'name.startsWith(".")', "hidden files"],
      [
        "if (!Deno.realPathSync(path).startsWith(`${this.#root}/`)) return",
        "if (path === this.#root) return",
        "hidden files",
      ],
    ],
  },
  {
    promise: "docs/operations.md: the `store` reaches its file",
    file: "lib/tls/certificate_watch.ts",
    by: "tests/tls/certificate_watch_test.ts",
    edits: [
      ["this.secondsLeft() > 0 && this.now() >= this.validity.notBefore", "this.secondsLeft() > 0", "valid()"],
      ["this.secondsLeft() > 0 && this.now()", "this.now()", "valid()"],
      ["if (stage === this.told) return;", "", "tells once"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A table or buffer without a bound",
    file: "lib/store/guarded.ts",
    by: "tests/store/guarded_test.ts",
    edits: [
      ["if (this.#removed.size >= MAX_REMOVALS) {", "if (this.#removed.size < 0) {", "bounded number of removals"],
      ["this.#remember({ space, key });", "", "bounded number of removals"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: a configuration key without effect",
    file: "lib/cli/args.ts",
    by: "tests/cli/args_test.ts",
    edits: [
      ["if (args.dev && args.config !== undefined) {", "if (args.dev && args.config === undefined && false) {"],
    ],
  },
  {
    promise: "README.md: overloaded, or the handler's process was replaced",
    file: "lib/sandbox/host/slot.ts",
    by: "tests/sandbox/host/slot_test.ts",
    edits: [
      [
        "    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);\n    cell.call(",
        "    if (cell === undefined) return call.reject(ErrorCode.OVERLOADED);\n    cell.call(",
        "SlotLine refuses",
      ],
      [
        "    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);\n    cell.message(",
        "    if (cell === undefined) return call.reject(ErrorCode.OVERLOADED);\n    cell.message(",
        "SlotLine refuses",
      ],
      [
        "    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);\n    cell.allow(",
        "    if (cell === undefined) return call.reject(ErrorCode.OVERLOADED);\n    cell.allow(",
        "SlotLine refuses",
      ],
      [
        "    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);\n    cell.publish(",
        "    if (cell === undefined) return call.reject(ErrorCode.OVERLOADED);\n    cell.publish(",
        "SlotLine refuses",
      ],
      ["if (!this.#seat.closing) this.#slot.cell?.identity", "this.#slot.cell?.identity", "SlotLine refuses"],
      [
        "    if (this.#seat.closing) return;\n    this.#seat.closing = true;",
        "    this.#seat.closing = true;",
        "SlotLine refuses",
      ],
      ["for (const cell of this.#leaving.keys()) cell.close(seat, code);", "", "replaced cell too"],
      [
        "if (seat.closing) this.#seats.delete(seat.handle);\n      else {\n        cell.open",
        "if (false as boolean) this.#seats.delete(seat.handle);\n      else {\n        cell.open",
        "replaced cell too",
      ],
      [
        "if (this.#cell === undefined) this.#seats.delete(seat.handle);\n    else this",
        "if (this.#cell !== undefined) this",
        "replaced cell too",
      ],
      [
        "    for (const seat of this.#seats.values()) {\n      if (seat.closing) this.#seats.delete(seat.handle);\n    }",
        "",
        "were leaving",
      ],
      [
        'if (loaded.link.over) return cell.end("crash", "the cell ended while it was put in place");',
        "",
        "tries again",
      ],
      ["if (this.#closed || this.#cell !== undefined) return loaded.link.end();", "", "closes while a cell loads"],
    ],
  },
];
