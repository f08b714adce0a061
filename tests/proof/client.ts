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
      ['line.heard || line.drop(endOf("silent", 1006))', "line.heard", "silent"],
    ],
  },
  {
    promise: "docs/client.md: Hidden: a reconnect after the client's own delay waits 30 s to 5 min",
    file: "client/client.ts",
    by: "tests/client/page_test.ts",
    edits: [
      [
        "hidden(target) ? limit.HIDDEN_MIN_MS + random() * limit.HIDDEN_SPREAD_MS : ms",
        "ms",
        "hidden page comes back",
      ],
      ["if (!(line.heard || hidden(target))) probe", "if (!line.heard) probe", "obeys the server"],
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
      ['self.become("pending");', "", "after a reconnect"],
    ],
  },
  {
    promise: "docs/client.md: reconnects and refusals in words",
    file: "lib/cli/connect/refusal.ts",
    by: "tests/cli/connect_refusal_test.ts",
    edits: [
      ['["later", "when_told"]', '["when_told"]', "catalogue"],
      ["refusal.status >= SERVER_ERROR", "false", "other programs"],
    ],
  },
  {
    promise: "docs/client.md: calls go on it until the new one is open",
    file: "client/client.ts",
    by: "tests/client/moving_test.ts",
    edits: [
      ["now() < current.until ? current : null", "true ? current : null", "calls wait for the new line"],
      ["now() + (+serves_ms || 0)", "now()", "calls go on the old line"],
      ["old.pending.size || old.drop", "old.drop", "and not before"],
      ["    old.settled();\n", "", "closed at once"],
      ["await Promise.all(moved);", "", "has the subscriptions"],
      ['previous?.drop(endOf(""));', "", "at most two connections"],
    ],
  },
  {
    promise: "docs/client.md: When the server drains, it announces it first",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['armed("stable") ? backoff(failures++) : 0', "0", "not hammered"],
      ["line === current && line.until === Infinity", "line === current", "the one that the server gave"],
      [
        'if (isFinal(end) || !(attempt || armed("try"))) lost(end);',
        'if (!(attempt || armed("try"))) lost(end);',
        "closed for good",
      ],
    ],
  },
  {
    promise: 'docs/client.md: it returns a token, or null for "signed out"',
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['if (token === null) return finish(endOf("signed_out"));\n      arm(', "arm(", "signs out"],
      ["if (signal.aborted) return;", "", "after close()"],
    ],
  },
  {
    promise: "docs/client.md: `connect()` resolves when the client is open",
    file: "client/client.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['if (state === "open") resolve();\n          else if', "if", "connect() resolves"],
      ['else if (state === "closed") reject(', "else if (false) reject(", "signs out"],
    ],
  },
  {
    promise: "docs/client.md: the socket is closed, so that browsers keep the page",
    file: "client/client.ts",
    by: "tests/client/page_test.ts",
    edits: [
      ['    halt(end);\n    become("waiting", end);', '    become("waiting", end);', "pagehide"],
      ["if (line) probe(line, limit.WAKE_TIMEOUT_MS);\n    else if", "if", "probes an open connection"],
      ["lifetime?.abort();", "", "stays closed"],
    ],
  },
  {
    promise: "docs/client.md: `pageshow` and `resume` open a new one",
    file: "client/page.ts",
    by: "tests/client/page_test.ts",
    edits: [
      ['listen("pagehide", suspend);', "", "pagehide"],
      ['listen("freeze", suspend);', "", "freeze"],
      ['listen("pageshow", wake);', "", "pagehide"],
      ['listen("resume", wake);', "", "freeze"],
      ['listen("online", wake);', "", "online ends the client's own delay"],
      ['listen("visibilitychange", () => hidden(target) || wake());', "", "hidden page comes back"],
    ],
  },
  {
    promise: "docs/client.md: A call is sent at most once",
    file: "client/calls.ts",
    by: "tests/client/calls_test.ts",
    edits: [
      ["for (const call of waiting) call.fail(reason, code);", "", "close() ends every call"],
      ["if (waiting.delete(call)) waitingBytes -= call.bytes;", "waiting.delete(call);", "queue is bounded"],
      ["waiting.size > (queue.max ?? QUEUE_CALLS) ||", "", "queue is bounded"],
      ["|| waitingBytes > (queue.bytes ?? QUEUE_BYTES)", "", "queue is bounded"],
      ['env.later(() => call.fail("Timeout"), timeout)', "() => {}", "time runs in the queue"],
      ["if (signal?.aborted) abort();\n        else if", "if", "aborted by its signal"],
      ['signal?.addEventListener("abort", abort);', "", "aborted by its signal"],
      ["line.socket.bufferedAmount > BACKLOG_BYTES", "false", "1 MiB"],
      ["flush(); // the socket may have room again", "", "1 MiB"],
      ['call.line ? "unknown" : "not_sent"', '"not_sent"', "broken connection"],
    ],
  },
  {
    promise: "docs/client.md: then the connection broke or its time was up",
    file: "client/line.ts",
    by: "tests/client/calls_test.ts",
    edits: [
      ["for (const call of line.pending.values()) call.fail(end.reason, end.code);", "", "broken connection"],
      ["if (!line.open()) return;", "", "line that was left"],
      ['typeof method === "string"', "method", "hostile server"],
    ],
  },
  {
    promise: "docs/client.md: `queue: false`, for the client or for a call",
    file: "client/client.ts",
    by: "tests/client/calls_test.ts",
    edits: [
      ['state === "closed" ? { queue: false } : options', "options", "close() ends every call"],
      ["    flush();\n", "", "made before the connection"],
    ],
  },
  {
    promise: "docs/client.md: `denied` and `ended` are final",
    file: "client/subscriptions.ts",
    by: "tests/client/subscriptions_test.ts",
    edits: [
      ['        emit("item", null);\n', "", "ends with its subscription"],
      ["        wake();\n", "", "ends with its subscription"],
      ["![...all].some((other) => other.topic === topic)", "true", "close() of the last"],
      ["!TRANSIENT.includes(code)", "true", "tried again"],
    ],
  },
  {
    promise: "docs/client.md: after `Retry-After` plus a growing delay",
    file: "client/connect.ts",
    by: "tests/client/state_test.ts",
    edits: [
      ['+response.headers.get("retry-after")! * 1000', '+response.headers.get("retry-after")!', "Retry-After"],
      ['signal.addEventListener("abort", () => socket.close());', "", "at each of its stages"],
    ],
  },
];
