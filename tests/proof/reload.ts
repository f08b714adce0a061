import type { Promised } from "./mutant.ts";

export const reload: readonly Promised[] = [
  {
    promise: "ARCHITECTURE.md: A reload applies all changes or none",
    file: "lib/limits/limits.ts",
    by: "tests/limits/reload_test.ts",
    edits: [
      ["Object.assign(this.#userHandshakes.limit, settings.handshake_user);", "", "every bucket"],
      ["Object.assign(this.#requests.limit, settings.handshake);", "", "every bucket"],
      ["Object.assign(this.#preflights.limit, settings.ip);", "", "every bucket"],
      ["Object.assign(this.#tickets.limit, settings.ticket);", "", "every bucket"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A reload applies all changes or none",
    file: "lib/limits/shared_buckets.ts",
    by: "tests/limits/reload_test.ts",
    edits: [
      ["if (!Object.hasOwn(types, method))", "if (!(method in types))", "part of an object"],
    ],
  },
  {
    promise: "Floods of messages, pings, handshakes, expensive calls",
    file: "lib/limits/session_limits.ts",
    by: "tests/limits/reload_test.ts",
    edits: [
      ["this.#paid -= cost;\n    } else {", "} else {", "limited method pays"],
      ["if (!table || this.#released) return null;", "if (!table) return null;", "release()"],
      ["if (this.#released) return;\n    this.#released = true;", "this.#released = true;", "release() twice"],
      ["this.#user.holders--;\n    this.#releaseMethods();", "this.#user.holders--;", "release()"],
    ],
  },
  {
    promise: "Floods of messages, pings, handshakes, expensive calls",
    file: "lib/limits/bucket.ts",
    by: "tests/limits/reload_test.ts",
    edits: [
      ["this.#tokens = Math.min(burst, this.#tokens + cost);", "this.#tokens += cost;", "giveBack()"],
    ],
  },
  {
    promise: "Floods of messages, pings, handshakes, expensive calls",
    file: "lib/limits/bans.ts",
    by: "tests/limits/reload_test.ts",
    edits: [
      ["if (entry && (!known || entry.until > known.until))", "if (entry)", "store has again"],
      ["this.#epoch = this.#deps.store.epoch;\n      this.#load();", "", "store has again"],
    ],
  },
  {
    promise: "docs/operations.md: exit 0 within `drain_timeout`",
    file: "lib/server/drain_sessions.ts",
    by: "tests/server/drain_sessions_test.ts",
    edits: [
      ["for (const session of registry.all()) session.terminate();", "", "cuts what does not close"],
      ['for (const session of registry.all()) session.end("draining");', "", "cuts what does not close"],
      ["session.drain();\n    }\n  }\n  if", "}\n  }\n  if", "no deadline"],
      ["session.announce(delay);", "", "no deadline"],
      ["if (await emptied(deps, moment)) return;", "", "have moved"],
    ],
  },
];
