import type { Promised } from "./mutant.ts";

export const limits: readonly Promised[] = [
  {
    promise: "Floods of messages, pings, handshakes, expensive calls",
    file: "lib/limits/bucket.ts",
    by: "tests/limits/bucket_test.ts",
    edits: [
      ["this.#tokens = tokens < burst ? tokens : burst;", "this.#tokens = tokens;", "after a year"],
      ["const gained = elapsed > 0 ? elapsed * rate / 1000 : 0;", "const gained = Math.abs(elapsed) * rate / 1000;"],
      ["return missing > SLACK ? missing / rate * 1000 : 0;", "return 0;"],
    ],
  },
  {
    promise: "Floods of messages, pings, handshakes, expensive calls",
    file: "lib/limits/bans.ts",
    by: "tests/limits/bans_test.ts",
    edits: [
      ["this.#save(name, entry);", "", "after a restart"],
      ["if (entry.until > now) return entry.until - now;", "", "configured time"],
    ],
  },
];
