import type { Promised } from "./mutant.ts";

const HALF = "A revocation or ban that other nodes don't apply";
const DATABASE = "A program that reaches the database of a cluster";

export const nodes: readonly Promised[] = [
  {
    promise: HALF,
    file: "lib/ops/admin.ts",
    by: "tests/ops/cluster_admin_test.ts",
    edits: [
      ['if (applied === "everywhere") return', "if (applied) return", "not taken"],
      ['effects.includes("here") ? "here" : "everywhere"', '"everywhere"', "not taken"],
      ["{ error: UNAVAILABLE, applied, ...body }", "{ error: UNAVAILABLE, ...body }", "not taken"],
      ["logged: { ...logged, applied } };", "logged };", "not taken"],
      ["body: { [key]: value, ...coverage }", "body: { [key]: value }", "which ones it lacks"],
      ["changed({ closed, ...coverage }", "changed({ closed }", "which ones it lacks"],
      ["body: { delivered, ...coverage }", "body: { delivered }", "which ones it lacks"],
      ["coverage === undefined || coverage.complete", "true", "may be on another node"],
      ["return { status: 503, body: {", "return { status: 200, body: {", "not taken"],
    ],
  },
  {
    promise: "docs/operations.md: `closed` and `delivered` are the numbers of all nodes that answered.",
    file: "lib/server/lost_rights.ts",
    by: "tests/server/shared_rights_test.ts",
    edits: [
      ["this.#remember(name, this.#closed);", "", "how many sessions"],
      ["const sum = this.closedBy(name) + closed;", "const sum = closed;", "how many sessions"],
      ["this.#deps.now() - closure.at < FRESH_MS ?", "closure.at > 0 ?", "how many sessions"],
      ["    this.#closed = 0;\n", "", "how many sessions"],
    ],
  },
  {
    promise: "docs/operations.md: `missing` with the ids of nodes that did not answer within a second",
    file: "lib/server/node_requests.ts",
    by: "tests/server/node_requests_test.ts",
    edits: [
      ["coverage: { complete, missing } };", "coverage: { complete: true, missing: [] } };", "which nodes are missing"],
      ["return { complete: up, missing: up ?", "return { complete: true, missing: up ?", "while the link is down"],
      ["filter(({ own }) => !own)", "filter(() => true)", "while the link is down"],
    ],
  },
  {
    promise: "docs/cluster.md: While another node has another digest, `cluster.config_mismatch` is logged",
    file: "lib/server/cluster_watch.ts",
    by: "tests/server/cluster_watch_test.ts",
    edits: [
      ["if (!cluster.link().up) return;", "", "configuration differs"],
      ["if (this.#mismatches.get(id) === both) continue;", "", "configuration differs"],
      ["if (!found.has(id)) this.#mismatches.delete(id);", "void found;", "configuration differs"],
      ["fingerprint !== own)", "false)", "configuration differs"],
      ['fingerprint !== "" && ', "", "configuration differs"],
      ["cluster.link().up ? 1 : 0", "1", "at the time of the scrape"],
    ],
  },
  {
    promise: "docs/cluster.md: Nodes must agree on what decides about clients",
    file: "lib/server/node_description.ts",
    by: "tests/server/node_description_test.ts",
    edits: [
      ["    limits,\n", "", "another one"],
      ["    messages,\n", "", "another one"],
      ["[...admission.origins].sort()", "admission.origins", "the same"],
      ["[subprotocol, contract]", "[subprotocol, null]", "another one"],
      ["if (value instanceof Map) return", "if (false) return", "another one"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/file_findings.ts",
    by: "tests/cluster/findings_test.ts",
    edits: [
      ["if (endpoint.tls || isLocal(endpoint)) return;", "return;", "wants TLS"],
      ["settings.secret.length < MIN_SECRET_BYTES", "settings.secret.length === 0", "a secret of 32 bytes"],
      ['settings.password === ""', "false", "a secret of 32 bytes"],
      ["if (reached === undefined) continue;", "continue;", "can connect to the database"],
      ["checkPrivateKey(createPrivateKey(key))) return;", "checkPrivateKey(createPrivateKey(key)) || true) return;"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/database_findings.ts",
    by: "tests/cluster/findings_test.ts",
    edits: [
      ['if (user !== "default" && !administers) return [];', "return [];", "rights, eviction and replicas"],
      ['policy === "noeviction" || info.get("maxmemory") === "0"', "true", "rights, eviction and replicas"],
      ['if (info.get("role") !== "master") {', "if (false) {", "rights, eviction and replicas"],
    ],
  },
];
