/** State that the nodes of a cluster share. */
import type { Promised } from "./mutant.ts";

export const shared: readonly Promised[] = [
  {
    promise: "ARCHITECTURE.md: A client that subscribed hears what is published from then on, on any node",
    file: "lib/session/subscriptions.ts",
    by: "tests/session/cluster_test.ts",
    edits: [
      [
        "if (awaited === undefined) answer(0);\n    else void awaited.then(() => answer(0));",
        "answer(0);",
        "answered once",
      ],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A client that subscribed hears what is published from then on, on any node",
    file: "lib/hub/hub.ts",
    by: "tests/hub/cluster_test.ts",
    edits: [
      [
        "if (this.#awaited.get(key) === established) this.#awaited.delete(key);",
        "this.#awaited.delete(key);",
        "awaited",
      ],
      ["this.#cluster.backplane.unlisten(module, topic);", "", "listens to a topic once"],
      ["this.#cluster.state.join(module, topic, subscriber.userId);", "", "listens to a topic once"],
      ["return partial ? users", "return false as boolean ? users", "marks those of this node alone"],
    ],
  },
  {
    promise:
      "ARCHITECTURE.md: A user has at most its cap of connections over all nodes, or over each node that is cut off",
    file: "lib/server/gate.ts",
    by: "tests/server/seats_test.ts",
    edits: [
      ['if (seat !== "full") return accepted;', "return accepted;", "taken on other nodes"],
      ['if (seat !== "full") return accepted;', 'if (seat === "taken") return accepted;', "no answer"],
      ["this.#reservations.add(accepted, user, monotonic());\n    judging.leave();", "judging.leave();", "no answer"],
      ["monotonic());\n    judging.leave();", "monotonic());", "counts a handshake that waits"],
      [
        "this.#reservations.claim(accepted);\n    return refusal;",
        "this.#reservations.release(accepted);\n    return refusal;",
        "taken on other nodes",
      ],
      ["if (!this.#reservations.claim(accepted)) void", "this.#reservations.claim(accepted);\n    if (false) void"],
      ["(user) => parts.cluster.state.unseat(user),", "", "takes a seat over all nodes"],
    ],
  },
  {
    promise:
      "ARCHITECTURE.md: A user has at most its cap of connections over all nodes, or over each node that is cut off",
    file: "lib/session/registry.ts",
    by: "tests/server/seats_test.ts",
    edits: [["this.#left(session);", "", "gives its seat back"]],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/server/shared_rights.ts",
    by: "tests/server/shared_rights_test.ts",
    edits: [
      ["deps.limits.bans.onShared = (kept) => void this.#announce(this.#banNotice(kept));", "", "banned on one node"],
      ["this.#announce({ ...this.#banNotice(kept), record: null })", "Promise.resolve(true)", "ban lifted on one"],
      [
        "this.#announce({ ...revocationNotice(lifted), record: null })",
        "Promise.resolve(true)",
        "revocation lifted on one",
      ],
      ["if (isWider) void this.#announce(revocationNotice(kept));", "", "whose clock is ahead"],
      ["for (const kept of this.#deps.revocations.shared()) yield revocationNotice(kept);", "", "a node that starts"],
      [
        "issuedUntil === Infinity ? {} : { issued_until: issuedUntil }",
        "{}",
        "for the tokens issued until then",
      ],
      ["return Math.round(this.#deps.now() - this.#deps.steady());", "return 0;", "banned on one node"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/server/lost_rights.ts",
    by: "tests/server/shared_rights_test.ts",
    edits: [
      ["covered = Math.max(covered, issuedAt);", "covered = issuedUntil;", "whose clock is ahead"],
      [" && Math.abs(now() - issuedUntil) < FRESH_MS", "", "whose clock is ahead"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/limits/bans.ts",
    by: "tests/server/shared_rights_test.ts",
    edits: [
      ["if (this.exempt(key) || !isBan(ban)) return;", "if (!isBan(ban)) return;", "exempt there"],
      ["|| (before !== undefined && before.until >= until)", "", "end with the later one"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/server/shared_rights_test.ts",
    edits: [
      ['this.#announce(what, "cluster");', "", "closes their sessions"],
      ["this.#store.set(SPACE, name, valueOf(term), term.until);\n      this", "this", "after its own restart"],
      ["const SAME_END_MS = 1_000;", "const SAME_END_MS = -1;", "tells each record once"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A node that has not heard of the others' bans and revocations admits no client",
    file: "lib/server/link_health.ts",
    by: "tests/server/link_health_test.ts",
    edits: [
      ["return !link.loaded || (cluster", "return (cluster", "isCutOff"],
      ["cluster.required && isStale", "isStale", "isCutOff"],
      ["return link.loaded && (", "return (", "isConnected"],
      ["!up && forMs > stale_after", "!up", "isCutOff"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A node that has not heard of the others' bans and revocations admits no client",
    file: "lib/admission/admission.ts",
    by: "tests/admission/admission_test.ts",
    edits: [
      ['if (cutOff) return refuse("cluster_unavailable", { retryAfter: CLUSTER_RETRY_S });', "", "that is cut off"],
      ["if (!(error instanceof ClusterUnavailable)) throw error;", "", "tickets can't be looked up"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A user has one rate over all nodes, after the first burst on each",
    file: "lib/limits/spending_ledger.ts",
    by: "tests/limits/spending_ledger_test.ts",
    edits: [
      ["const part = Math.min(TOLD_PART, 1 / nodes);", "const part = 2;", "on two nodes has one rate"],
      ["const part = Math.min(TOLD_PART, 1 / nodes);", "const part = TOLD_PART;", "little on each"],
      ["const MAX_DEBT_BURSTS = 10;", "const MAX_DEBT_BURSTS = 1;", "twenty nodes"],
      ["const MAX_TOLD = 1_000;", "const MAX_TOLD = 1e6;", "bounded number"],
      ["this.#open.delete(bucket);\n      this.#open.add(bucket);", "", "each in its turn"],
      ["account.untold = 0;", "", "one rate"],
      ["if (tokens > 0) this.#told", "if (tokens < 0) this.#told", "one rate"],
      ["!(isMuch || account.isTold)", "!isMuch", "none included"],
      ["bucket.account = null;\n      this.#open.delete(bucket);", "bucket.account = null;", "forgets it"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A user has one rate over all nodes, after the first burst on each",
    file: "lib/limits/table.ts",
    by: "tests/limits/spending_ledger_test.ts",
    edits: [
      ["if (this.account !== null) this.account.untold += plain;", "if (this.account !== null) return;", "one rate"],
      ["this.limit, now, this.#settled);", "this.limit, now);", "are spent on the other"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A user has one rate over all nodes, after the first burst on each",
    file: "lib/limits/limits.ts",
    by: "tests/limits/spending_ledger_test.ts",
    edits: [
      ['deps.table, ofUser("handshake"));', "deps.table);", "handshakes of a user"],
      ['deps.table, ofUser("ticket"));', "deps.table);", "tickets"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A user has one rate over all nodes, after the first burst on each",
    file: "lib/limits/shared_buckets.ts",
    by: "tests/limits/spending_ledger_test.ts",
    edits: [
      ['options, this.#settled("ip"));', "options);", "other: ip"],
      ["this.#options, this.#settled(`method:${method}`))", "this.#options)", "other: method"],
    ],
  },
  {
    promise: "docs/operations.md: requests in flight are answered, then 1001",
    file: "lib/server/drain_sessions.ts",
    by: "tests/server/drain_spread_test.ts",
    edits: [
      ["othersOf(deps) > 0 ? 0 : timeout", "timeout", "drains alone"],
      ["rate: handshake.rate * nodes", "rate: handshake.rate", "many clients of one address"],
      ["filter(({ own, draining }) => !own && !draining).length", "length", "drains alone"],
      ["!own && !draining", "!own", "drain too"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Permissions needed only at the start are given up",
    file: "lib/server/needs.ts",
    by: "tests/e2e/cluster_socket_test.ts",
    edits: [
      ["      ...database,\n", ""],
      ["...socketFolder, ...database, cellSockets],", "...socketFolder, cellSockets],"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/cluster/redis/records.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [["this.#retryLater();\n      return false;", "return false;", "did not take"]],
  },
  {
    promise: "ARCHITECTURE.md: A ban or revocation of one node holds on all of them",
    file: "lib/server/node_duties.ts",
    by: "tests/server/nodes_test.ts",
    edits: [
      ["server.rights.learn(notice)", "void notice", "a ban on one node"],
      ["server.rights.held()", "[]", "all is shared again"],
    ],
  },
  {
    promise:
      "ARCHITECTURE.md: A user has at most its cap of connections over all nodes, or over each node that is cut off",
    file: "lib/server/server.ts",
    by: "tests/server/nodes_test.ts",
    edits: [["this.cluster.state.unseat(userId)", "void userId", "has the cap over both"]],
  },
  {
    promise: "ARCHITECTURE.md: A user has one rate over all nodes, after the first burst on each",
    file: "lib/server/settlement.ts",
    by: "tests/server/nodes_test.ts",
    edits: [["ledger.charge(ofOthers, now());", "void ofOthers;", "has one rate"]],
  },
];
