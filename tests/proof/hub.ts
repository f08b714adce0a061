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
  {
    promise: "Memory filled with addresses, users, topics or labels",
    file: "lib/hub/hub.ts",
    by: "tests/hub/hub_test.ts",
    edits: [
      ["this.#subscriptions >= this.#limits.subscriptions ||", "false ||"],
      ["own.names + name > this.#limits.moduleNames || ", ""],
      [" || this.#names + name > this.#limits.names\n", "\n"],
      ["subscribers === undefined ? topic.length : 0", "topic.length"],
    ],
  },
  {
    promise: "README.md: **Topics** belong to a module.",
    file: "lib/hub/hub.ts",
    by: "tests/hub/hub_test.ts",
    edits: [
      ["if (subscribers?.has(subscriber)) return true;", ""],
      ["for (const subscriber of [...subscribers])", "for (const subscriber of subscribers)"],
      [
        "if (own === undefined || !subscribers?.delete(subscriber)) return;",
        "if (own === undefined || !subscribers) return;\n    subscribers.delete(subscriber);",
      ],
    ],
  },
  {
    promise: "docs/cluster.md: A user is present on a topic while one of the user's connections follows it",
    file: "lib/hub/hub.ts",
    by: "tests/hub/cluster_test.ts",
    edits: [
      ["this.#cluster.state.join(module, topic, subscriber.userId);", "", "the last one leaves"],
      ["this.#cluster.state.leave(module, topic, subscriber.userId);", "", "the last one leaves"],
      ["this.#cluster.backplane.unlisten(module, topic);", "", "the last one leaves"],
    ],
  },
];
