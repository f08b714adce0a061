import type { Promised } from "./mutant.ts";

export const timing: readonly Promised[] = [
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/timing/backlog.ts",
    by: "tests/timing/backlog_test.ts",
    edits: [
      ["if (this.#running) return false;", ""],
      ["this.#items.unshift(item);\n", ""],
      ["this.#items.push(item);", "this.#items.unshift(item);"],
      ["this.#items.length + (this.#running ? 1 : 0)", "this.#items.length"],
      ["this.#items.length = 0;", ""],
      ["this.#running = false;\n    }", "}"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/timing/turnstile.ts",
    by: "tests/timing/turnstile_test.ts",
    edits: [
      ["if (this.#closed) this.#waiting.add(address, go);\n    else this.#let(go);", "this.#let(go);"],
      ["if (this.#bustle.lively || this.#waiting.size > 0) {", "if (this.#bustle.lively) {"],
      ["if (this.#bustle.lively || this.#waiting.size > 0) {", "if (true as boolean) {"],
      [
        "return size >= this.#room || size >= this.#room / 2 && this.#waiting.sizeOf(address) >= FEW;",
        "return size >= this.#room;",
      ],
      [
        "return size >= this.#room || size >= this.#room / 2 && this.#waiting.sizeOf(address) >= FEW;",
        "return size >= this.#room / 2 && this.#waiting.sizeOf(address) >= FEW;",
      ],
      ["const FEW = 4;", "const FEW = 1;"],
      [
        "if (this.heard !== this.#seen) this.#at = now;",
        "if (this.heard !== this.#seen && this.#at < 0) this.#at = now;",
      ],
      ["const SILENCE_MS = 100;", "const SILENCE_MS = 1000;"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/timing/fair_queue.ts",
    by: "tests/timing/turnstile_test.ts",
    edits: [
      [
        "this.#lines.delete(owner);\n    const item = line.shift()!;\n    if (line.length > 0) this.#lines.set(owner, line);",
        "const item = line.shift()!;\n    if (line.length === 0) this.#lines.delete(owner);",
      ],
      ["const item = line.shift()!;", "const item = line.pop()!;"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/timing/polls.ts",
    by: "tests/timing/polls_test.ts",
    edits: [
      ["if (this.#pair) await Promise.all([this.#pair[0].read(new Uint8Array(1)), this.#pair[1].write(BYTE)]);", ""],
      ["for (const run of waiting) queueMicrotask(run);", "for (const run of waiting.reverse()) queueMicrotask(run);"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A live peer is not closed for a delay of the server",
    file: "lib/timing/timing_wheel.ts",
    by: "tests/timing/timing_wheel_test.ts",
    edits: [
      ["if (now - this.#lastAdvance >= STALL_MS) this.#stalledUntil = now;", ""],
      ["Math.ceil(at / this.#slotMs)", "Math.floor(at / this.#slotMs)"],
      ["if (at !== Infinity) this.set(due, at);", ""],
      ["if (current !== undefined) this.#leave(due, current);", ""],
      ["if (members?.delete(due) && members.size === 0) this.#slots.delete(slot);", ""],
      [".filter((key) => key <= slot)", ""],
      ["Math.max(this.#lastSlot + 1, Math", "Math.max(0, Math"],
    ],
  },
  {
    promise: "README.md: handshake_timeout",
    file: "lib/timing/deadline_queue.ts",
    by: "tests/timing/deadline_queue_test.ts",
    edits: [
      ["this.#due.delete(item);\n      item.expired();", "item.expired();"],
      ["this.#due.delete(item);\n    this.#due.set(", "this.#due.set("],
      ["if (due > now + 1) {", "if (due > now + 1000) {"],
      ["if (this.#due.delete(item) && this.#due.size === 0) this.#disarm();", "this.#due.delete(item);", "has a timer"],
      ["if (this.#due.delete(item) && this.#due.size === 0)", "if (this.#due.delete(item))", "has a timer"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/timing/` | queues, turns of the event loop, deadlines, monotonic clock",
    file: "lib/timing/out_of_turn.ts",
    by: "tests/timing/out_of_turn_test.ts",
    edits: [
      ["if (next === undefined) this.#waiting.delete(key);", "if (next === undefined) return;"],
      ["else await new Promise<void>((resolve) => queue.push(resolve));", ""],
      ["?.shift();", "?.pop();"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/timing/` | queues, turns of the event loop, deadlines, monotonic clock",
    file: "lib/timing/steady_clock.ts",
    by: "tests/timing/steady_clock_test.ts",
    edits: [
      ["return () => offset + monotonic();", "return wall;"],
    ],
  },
  {
    promise: "Floods of handshakes or busy sessions that delay other clients",
    file: "lib/timing/turns.ts",
    by: "tests/timing/turns_test.ts",
    edits: [
      ["this.#used > this.#shares.crowd ? this.#shares.crowded : this.#shares.own", "this.#shares.own"],
      ["this.#turn++;\n    this.#used = 0;", "this.#turn++;"],
      ["this.#used - before + next * reading < resumed", "true"],
      ["this.#used - before + next * reading", "this.#used - before"],
      ["this.#used - before + next * reading", "this.#used + next * reading"],
      ["const amount = 1 + (bytes >>> 7);", "const amount = 1;"],
      ["this.#turn = turn;\n      this.#used = 0;", "this.#turn = turn;"],
      ["if (this.#waiting.length > 0) this.#afterInput(this.#goOn);", ""],
      ["this.#waiting.splice(0, next);", ""],
    ],
  },
];
