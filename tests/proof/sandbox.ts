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
  {
    promise: "A handler that loops, fills its memory",
    file: "lib/sandbox/host/cell.ts",
    by: "tests/sandbox/limits_test.ts",
    edits: [
      ["if (unread) this.#feed.queue.alive();", "", "very many subscribers"],
      ["if (!unread) this.#late(seat, method);", "this.#late(seat, method);", "very many subscribers"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/host/work.ts",
    by: "tests/sandbox/host/work_test.ts",
    edits: [
      [
        "1 + bytes / BYTES_PER_UNIT + receivers * (UNITS_PER_RECEIVER + bytes / BYTES_PER_UNIT)",
        "1",
        "an operation costs",
      ],
      [
        "receivers * (UNITS_PER_RECEIVER + bytes / BYTES_PER_UNIT)",
        "receivers * UNITS_PER_RECEIVER",
        "an operation costs",
      ],
      ["this.#units -= units;", "", "a budget is spent"],
      ["this.#parent?.take(units);", "", "taken from all"],
      ["this.#share?.take(units);", "", "within its share"],
      [
        "Math.min(burst, this.#units + (now - this.#at) * rate / 1000)",
        "this.#units + (now - this.#at) * rate / 1000",
        "a budget is spent",
      ],
      ["this.#units > 0 ? 0 : Math.ceil(1 - this.#units * 1000 / rate)", "this.#units > 0 ? 0 : 1", "a debt is paid"],
      [
        "Math.min(this.#parent?.waitMs ?? 0, this.#share?.waitMs ?? Infinity)",
        "this.#parent?.waitMs ?? 0",
        "within its share",
      ],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/host/cell_effects.ts",
    by: "tests/sandbox/host/work_test.ts",
    edits: [
      ["this.#deps.budget.take(seat.client.followers(topic));", "", "presence is charged"],
    ],
  },
  {
    promise: "A handler that loops, fills its memory, aborts its runtime, throws or reads files",
    file: "lib/sandbox/host/cpu_watch.ts",
    by: "tests/sandbox/host/cpu_watch_test.ts",
    edits: [
      ["const BUSY_CORES = 1.25;", "const BUSY_CORES = 8;"],
      ["const IDLE_CORES = 0.25;", "const IDLE_CORES = 1.25;"],
      ["const BUSY_CORES = 1.25;", "const BUSY_CORES = 0.25;"],
      ["Math.max(timeout, 1000)", "timeout"],
      ["Math.max(0, this.#excessMs + cpuMs", "Math.max(0, cpuMs"],
      ["this.#asked = false;\n    return", "return"],
      ["this.#cpuMs = cpuMs;", ""],
    ],
  },
  {
    promise: "docs/operations.md: `handler.log`",
    file: "lib/sandbox/host/log_allowance.ts",
    by: "tests/sandbox/host/log_allowance_test.ts",
    edits: [
      ["const LINES_PER_SECOND = 50;", "const LINES_PER_SECOND = 5000;", "200 lines"],
      ["const BURST_LINES = 200;", "const BURST_LINES = 2000;", "200 lines"],
      ["this.#suppressed++;", "", "200 lines"],
      ["this.#suppressed = 0;\n    return suppressed;", "return suppressed;", "200 lines"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/sandbox/host/cell_queue.ts",
    by: "tests/sandbox/host/cell_queue_test.ts",
    edits: [
      ["const MAX_BYTES = 32 * 1024 * 1024;", "const MAX_BYTES = 64 * 1024 * 1024;"],
      ["this.#bytes + waiting >= MAX_BYTES", "this.#bytes >= MAX_BYTES"],
      ["if (this.#over || turn === undefined) return;", "if (turn === undefined) return;"],
      [
        "oldest === undefined ? 0 : Math.max(0, now - Math.max(oldest.at, this.#heard))",
        "Math.max(0, now - this.#heard)",
      ],
      ["if (waiting) this.#window.reported(this.#left);", "this.#window.reported(this.#left);"],
      ["this.#heard = this.#now();\n  }", "}"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/sandbox/host/cell_backlog.ts",
    by: "tests/sandbox/host/fairness_test.ts",
    edits: [
      ["this.#bytes -= length;", "", "beyond 32 MiB"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/sandbox/host/cell_backlog.ts",
    by: "tests/sandbox/host/cell_backlog_test.ts",
    edits: [
      ['text: typeof text === "string" ? text : this.#copy(text)', "text"],
      ["this.#block = new Uint8Array(BLOCK_BYTES);\n      this.#filled = 0;", "this.#filled = 0;"],
    ],
  },
];
