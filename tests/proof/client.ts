import type { Promised } from "./mutant.ts";

export const client: readonly Promised[] = [
  {
    promise: "docs/client.md: 401",
    file: "client/outcomes.ts",
    by: "tests/client/outcomes_test.ts",
    edits: [[
      "export const TOKEN_REFUSED: readonly number[] = [401, 4401];",
      "export const TOKEN_REFUSED: readonly number[] = [401];",
    ]],
  },
  {
    promise: "docs/client.md: Growing delays are random between 0 and `min × 2^n`, at most `max`",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ["random() * Math.min(max, min * 2 ** failures)", "random() * min * 2 ** failures", "backoff()"],
      ["random() * Math.min(max, min * 2 ** failures)", "Math.min(max, min * 2 ** failures)", "backoff()"],
      ["random() * Math.min(max, min * 2 ** failures)", "random() * Math.min(max, min)", "backoff()"],
      ["failures = 0;\n    renewed = false;", "renewed = false;", "ten seconds"],
      ['arm("stable", limit.STABLE_MS, reset);', "reset();", "ten seconds"],
    ],
  },
  {
    promise: "docs/client.md: after `Retry-After` plus a growing delay",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['(mayHurry || !armed("try"))', "true", "Retry-After"],
    ],
  },
  {
    promise: "docs/client.md: an attempt takes over 20 s",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['arm("attempt", limit.ATTEMPT_TIMEOUT_MS, () => mine.abort());', "", "20 s"],
    ],
  },
  {
    promise: "docs/client.md: at 80 % of the token's life",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ["refreshIn(left * limit.REFRESH_AT, now() + left)", "refreshIn(left, now() + left)", "80 %"],
      ["if (left > 0) return refreshIn(left * random(), endsAt);", "", "5 s before the end"],
    ],
  },
  {
    promise: "docs/client.md: at 80 % of the token's life",
    file: "client/refresh.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ["return left > 0 && !(left > life) ? left : life;", "return left;", "80 %"],
    ],
  },
  {
    promise: "docs/client.md: A connection that has been silent for 45 to 90 s is probed",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['line.heard || line.drop(1006, "silent")', "line.heard", "silent"],
    ],
  },
  {
    promise: "docs/client.md: Hidden: a reconnect by our own delay waits 30 s to 5 min",
    file: "client/client.ts",
    by: "tests/client/page_test.ts",
    edits: [
      [
        "if (hidden(target)) ms = limit.HIDDEN_MIN_MS + random() * limit.HIDDEN_SPREAD_MS;",
        "",
        "hidden page comes back",
      ],
      ["if (!line.heard && !hidden(target)) probe", "if (!line.heard) probe", "obeys the server"],
    ],
  },
  {
    promise: "docs/client.md: A call is sent at most once",
    file: "client/calls.ts",
    by: "tests/client/calls_test.ts",
    edits: [
      ['signal?.removeEventListener("abort", abort);', "", "outlives its calls"],
    ],
  },
  {
    promise: "docs/client.md: 4401 `token_expired`",
    file: "client/client.ts",
    by: "tests/client/outcomes_test.ts",
    edits: [
      ["(renewed && end.code === 401)", "false", "401 is final"],
      ["if (refused && !renewed) {", "if (refused) {", "once"],
    ],
  },
  {
    promise: "docs/client.md: ticket refused without a reason",
    file: "client/outcomes.ts",
    by: "tests/client/outcomes_test.ts",
    edits: [
      ["FINAL.includes(code) && (code >= 1000 || reason)", "FINAL.includes(code)", "brings no reason"],
      [
        "[400, 403, 404, 405, 426, 431, 1000, 1002, 1003, 1007, 1008, 1009]",
        "[400, 403, 404, 405, 426, 431, 1000, 1002, 1003, 1007, 1009]",
      ],
      ["[400, 403, 404, 405, 426, 431, 1000", "[400, 404, 405, 426, 431, 1000"],
    ],
  },
  {
    promise: "docs/client.md: more than 1,000 events behind ends with a `RangeError`",
    file: "client/subscriptions.ts",
    by: "tests/client/subscriptions_test.ts",
    edits: [
      ['if (behind.length > EVENTS_BEHIND) throw new RangeError("Too slow");', "", "1,000 events"],
      ["if (!all.has(self)) return unsubscribe(line);", "", "closed before the server answered"],
      ["if (self.asked !== line) return;\n        self.line = line;", "self.line = line;", "late answer"],
      ['one.become("pending");', "", "after a reconnect"],
    ],
  },
];
