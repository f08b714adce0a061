import type { Promised } from "./mutant.ts";

export const server: readonly Promised[] = [
  {
    promise: "docs/operations.md: the `store` reaches its file, and `not_draining`",
    file: "lib/server/operations.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["keys: verifier.keyCount > 0", "keys: true", "ready()"],
      ["store: store.writable()", "store: true", "ready()"],
      ["certificate: certificate.valid()", "certificate: true", "ready()"],
      ["not_draining: !draining", "not_draining: true", "ready()"],
      ["every((module) => module.ready)", "some((module) => module.ready)", "ready()"],
      ["listener: await this.#server.accepts()", "listener: true", "ready()"],
    ],
  },
  {
    promise: "docs/operations.md: A revocation is kept until every token it means is refused for its age",
    file: "lib/server/lost_rights.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["expiresAt + clock_skew", "expiresAt", "revoke() outlasts"],
    ],
  },
  {
    promise: "docs/operations.md: A revocation is kept until every token it means is refused for its age",
    file: "lib/server/server.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["retentionMs: max_age + 2 * clock_skew", "retentionMs: max_age + clock_skew", "oldest token"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A reload applies all changes or none",
    file: "lib/server/server.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["this.overload.enable(next.limits.adaptive, this.monotonic());", "", "limits.adaptive"],
      ["else this.revocations.clearFile();", "", "limits.adaptive"],
      ["if (revokedFile) revokedFile.apply();\n    else", "if (!revokedFile)", "limits.adaptive"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A table or buffer without a bound",
    file: "lib/server/upkeep.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["store.purge();", "", "startUpkeep()"],
      ["limits.tick();", "", "startUpkeep()"],
      ["return used + (cells + 1) * EMPTY_PROCESS_BYTES;", "return used;", "startUpkeep()"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A bound exists for everything a client",
    file: "lib/server/system.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["free - OWN_DESCRIPTORS - backlog", "free - backlog", "roomFor()"],
      ["Math.min(wanted, capacity)", "capacity", "roomFor()"],
      ["Math.max(MIN_BACKLOG, left)", "MAX_BACKLOG", "roomFor()"],
      ['log.warn("limits.exceed_system", { what, remedy });', "void [what, remedy];", "roomFor()"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Permissions needed only at the start are given up",
    file: "lib/server/needs.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ['keep: ["env", "run", "sys"]', 'keep: ["env", "run", "sys", "read"]', "name what each process"],
      ["net: own.manager !== null", "net: true", "name what each process"],
      ["write: [...storeFolder, ...socketFolder, ...database, cellSockets]", 'write: ["/"]', "name what each process"],
      ["write: [own.folder,", "write: [...configFolders(config, configPath), own.folder,", "name what each process"],
    ],
  },
  {
    promise: "README.md: 503, with `Retry-After`",
    file: "lib/gate/refusal.ts",
    by: "tests/server/parts_test.ts",
    edits: [
      ["Math.max(1, Math.ceil(milliseconds / 1000))", "Math.ceil(milliseconds / 1000)", "retrySeconds()"],
      ["Math.ceil(milliseconds / 1000)", "Math.floor(milliseconds / 1000)", "retrySeconds()"],
      ['if (status === 401) headers["WWW-Authenticate"] = "Bearer";', "", "retrySeconds()"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["if (this.#session.ending) return;\n    if (isFault", "if (isFault", "rest of a batch"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/session.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["if (this.ending) return;\n      this.delayed = false;", "this.delayed = false;", "waits for tokens"],
    ],
  },
  {
    promise: "docs/contract.md: tokens of one call",
    file: "lib/session/builtins.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["cost: DISCOVER_COST,", "", "rpc.discover costs"],
    ],
  },
  {
    promise: "docs/contract.md: tokens of one call",
    file: "lib/session/topic_methods.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["cost: PRESENCE_COST,", "", "rpc.discover costs"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: A bound exists for everything a client",
    file: "lib/session/subscriptions.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["if (text.length > MAX_PRESENCE_LENGTH) overloaded();\n        else", "", "half a MiB"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A client receives the events of a topic only while its token and the module allow it",
    file: "lib/hub/hub.ts",
    by: "tests/hub/hub_test.ts",
    edits: [
      ["for (const subscriber of [...subscribers])", "for (const subscriber of subscribers)", "at that moment"],
    ],
  },
  {
    promise: "CONTRIBUTING.md: Test bad input as much as good",
    file: "lib/base/utf8.ts",
    by: "tests/base/utf8_test.ts",
    edits: [
      ["{ fatal: true, ignoreBOM: true }", "{ ignoreBOM: true }", "anything else"],
      ['new TextDecoder("utf-8", { fatal: true });', "new TextDecoder();", "anything else"],
      ["{ fatal: true, ignoreBOM: true }", "{ fatal: true }", "byte order mark"],
    ],
  },
  {
    promise: "README.md: tokens end up in proxies' logs",
    file: "lib/config/findings/identity.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ['if (auth.sources.includes("query")) {', 'if (auth.sources[0] === "query") {', "auth.sources"],
    ],
  },
  {
    promise: "docs/cluster.md: the node's own bucket decides; nodes settle what they have spent every 250 ms",
    file: "lib/server/settlement.ts",
    by: "tests/server/settlement_test.ts",
    edits: [
      ["if (settling) return;", "", "one settlement at a time"],
      ["settling = false;\n    ledger", "ledger", "one settlement at a time"],
      ["ledger.charge(ofOthers, now());", "", "one settlement at a time"],
    ],
  },
];
