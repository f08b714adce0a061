import type { Promised } from "./mutant.ts";

const DATABASE = "A program that reaches the database of a cluster";
const FAILS = "A database of a cluster that fails, stands still or loses its content";

/** The link of a node to the others. */
export const cluster: readonly Promised[] = [
  {
    promise: DATABASE,
    file: "lib/cluster/redis/envelope.ts",
    by: "tests/cluster/forgery_test.ts",
    edits: [
      [
        "if (mac.length !== expected.length || !equalDigests(mac, expected)) return undefined;",
        "",
        "without the signature",
      ],
      ["update(`${purpose}\\0${json}`)", "update(purpose)", "comes again"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/records.ts",
    by: "tests/cluster/forgery_test.ts",
    edits: [
      ["kept !== undefined && String(kept.at) === text.slice(0, space)", "kept !== undefined", "comes again"],
      ["kept.at <= (this.#versions.get(field)?.at ?? 0)", "false", "comes again"],
      [
        "if (kept === undefined || fieldOf(kept.kind, kept.key) !== field) continue;",
        "if (kept === undefined) continue;",
        "comes again",
      ],
      ['await send(["HDEL", this.#keys[0], field]);', "", "without the signature"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/requests.ts",
    by: "tests/cluster/forgery_test.ts",
    edits: [
      ["|| this.#seen.has(id)) return false;", ") return false;", "answered once"],
      ["if (text.length > MAX_LENGTH) {", "if (false) {", "a long answer"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/link.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [
      [
        "await within(CALL_MS, make((args) => shard.send(args)));",
        "await make((args) => shard.send(args));",
        "stands still",
      ],
      ["if (!shard.breaker.admits()) throw", "if (false) throw", "a slow link"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/shard.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [
      ["this.#probeAlways(session);", "", "hears nothing"],
      ["before !== null && this.#boot !== before", "false", "FLUSHALL"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/topics.ts",
    by: "tests/cluster/contract_test.ts",
    edits: [["if (!heard.wanted) this.#leaving.delete(channel);", "", "over one Redis"]],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/topics.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [["if (held !== undefined) held.push(text);\n    else this.#send", "this.#send", "pending subscription"]],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/scripts.ts",
    by: "tests/cluster/contract_test.ts",
    edits: [
      ["tonumber(ARGV[4]) - others - held", "tonumber(ARGV[4]) - held", "over one Redis"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/scripts.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [
      ["elseif live[fields[i]] then others", "elseif true then others", "cut off stops counting"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/redis.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [
      ["this.#records.give(send).catch(() => {});", "", "FLUSHALL"],
    ],
  },
  {
    promise: "docs/cluster.md: redeemed exactly once on all nodes",
    file: "lib/cluster/redis/redis.ts",
    by: "tests/cluster/once_test.ts",
    edits: [['["GETDEL", name]', '["GET", name]', "exactly once"]],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/breaker.ts",
    by: "tests/cluster/redis/breaker_test.ts",
    edits: [
      ["if (this.#failures < FAILURES) return true;", "return true;", "three failures"],
      ["if (this.#trying || this.#now() < this.#retryAt)", "if (this.#now() < this.#retryAt)", "three failures"],
      ["Math.min(MOST_MS, this.#waitMs * 2)", "this.#waitMs * 2", "five seconds"],
    ],
  },
];
