import type { Promised } from "./mutant.ts";

export const hub: readonly Promised[] = [
  {
    promise: "Memory filled with addresses, users, topics or labels",
    file: "lib/hub/hub.ts",
    by: "tests/hub/hub_test.ts",
    edits: [
      ["own.subscriptions >= this.#limits.moduleSubscriptions || ", ""],
      ["this.#count(own, -1, -topic.length);", ""],
      ["if (subscribers.size > 0) return this.#count(own, -1, 0);", "if (subscribers.size > 0) return;"],
      ["own.topics.delete(topic);", ""],
    ],
  },
];
