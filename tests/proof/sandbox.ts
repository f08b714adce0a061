import type { Promised } from "./mutant.ts";

export const sandbox: readonly Promised[] = [
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/operation_reader.ts",
    by: "tests/sandbox/wire/operation_reader_test.ts",
    edits: [
      ["if (extra > (shape.extra ?? 0)) throw new WireError(`${shape.name}: value ${extra} is not allowed`);", ""],
      [
        "firstLength > this.#most(shape.first) || secondLength > this.#most(shape.second)",
        "firstLength > this.#most(shape.first)",
      ],
      ["if ((shape.id === undefined) !== (id === 0))", "if (shape.id === undefined && id !== 0)"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/timing/reading_turns.ts",
    by: "tests/timing/reading_turns_test.ts",
    edits: [
      ["this.#waits = this.#turns.now() - this.#began >= QUANTUM_MS;", ""],
      ["if (this.now() < this.#until) return queueMicrotask", "if (true) return queueMicrotask"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/host/cell_link.ts",
    by: "tests/sandbox/host/flood_test.ts",
    edits: [["if (!goesOn || budget.spent)", "if (budget.spent)"]],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/supervisor/cell_process.ts",
    by: "tests/sandbox/supervisor/tree_test.ts",
    edits: [["getPriority() + NICER", "getPriority()", "lower priority"]],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/sandbox/host/cell_backlog.ts",
    by: "tests/sandbox/host/fairness_test.ts",
    edits: [
      ["for (const line of this.#sparse) return this.#take(line);", ""],
      ["line.credit = Math.max(line.credit - unitsOf(length), -MAX_DEBT_UNITS);", ""],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/sandbox/host/window.ts",
    by: "tests/sandbox/host/cell_queue_test.ts",
    edits: [
      ["this.#units = Math.min(this.#units * GROWTH, MAX_UNITS);", ""],
      ["this.#units = Math.max(this.#units - this.#slack, this.#units / 2, MIN_UNITS);", ""],
    ],
  },
];
