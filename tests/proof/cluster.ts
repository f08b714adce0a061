import type { Promised } from "./mutant.ts";

const DATABASE = "A program that reaches the database of a cluster";
const FAILS = "A database of a cluster that fails, stands still or loses its content";

const JUNK = "docs/cluster.md: keys of another type and counts of another form are removed";
const JUNK_TEST = "tests/cluster/junk_test.ts";

const URL_TEST = "tests/cluster/redis/url_test.ts";
const FINDINGS_TEST = "tests/cluster/findings_test.ts";

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
      ["if (partitions.includes(CONTROL)) this.#lost();\n    else this.#writer", "this.#writer", "FLUSHALL"],
    ],
  },
  {
    promise: "docs/cluster.md: redeemed exactly once on all nodes",
    file: "lib/cluster/redis/redis.ts",
    by: "tests/cluster/once_test.ts",
    edits: [['["GETDEL", name]', '["GET", name]', "exactly once"]],
  },
  {
    promise: JUNK,
    file: "lib/cluster/redis/link.ts",
    by: JUNK_TEST,
    edits: [
      ["if (isAboutOneCall(error)) {", "if (false as boolean) {", "an error about one key"],
      [
        "      shard.breaker.succeeded();\n      this.#deps",
        "      shard.breaker.failed();\n      this.#deps",
        "an error about one key",
      ],
      ['this.#deps.log.warn("cluster.call_failed"', 'this.#deps.log.debug("call"', "an error about one key"],
      ["      this.failedCalls++;\n", "", "an error about one key"],
    ],
  },
  {
    promise: JUNK,
    file: "lib/cluster/redis/scripts.ts",
    by: JUNK_TEST,
    edits: [
      ["if count and count <= ${MOST_COUNTED} and at < 1e15 then", "if count then", "of another form"],
      ["  redis.call('HDEL', key, field)\nend`;", "end`;", "presence leaves out"],
      ["or not count then", "then", "of another form"],
      ["number and number >= 0 and number < 1e15 and number or 0", "number or 0", "no amounts"],
      ["math.max(0, now - amount(at))", "(now - amount(at))", "no amounts"],
      ["  redis.call('DEL', key)\n  return false", "  return false", "of another type"],
      ["if not whole then redis.call('DEL', KEYS[1], KEYS[3], KEYS[4]) end", "", "of another type"],
      ["expect(KEYS[2], 'hash')\n", "", "of another type"],
      ["  expect(KEYS[i], 'hash')\n", "", "of another type"],
      ["if redis.call('ZSCORE', KEYS[1], described[i]) then", "if true then", "counts with its node's lease"],
      ["    redis.call('HDEL', KEYS[2], described[i])\n  end", "  end", "counts with its node's lease"],
    ],
  },
  {
    promise: JUNK,
    file: "lib/cluster/redis/liveness.ts",
    by: JUNK_TEST,
    edits: [
      [" || Math.abs(time - described.at) > MAX_AGE_MS", "", "counts with its node's lease"],
      ["Math.abs(time - described.at)", "(time - described.at)", "counts with its node's lease"],
      ["described?.id !== id ||", "described === undefined ||", "counts with its node's lease"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/redis.ts",
    by: JUNK_TEST,
    edits: [
      ["const lapsed = () => this.#lost();", "const lapsed = () => {};", "gives its records again"],
      ["    this.#records.reload();\n", "", "gives its records again"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/records.ts",
    by: JUNK_TEST,
    edits: [
      ["this.#closed ? 0 : RELOAD_MS", "0", "once a second"],
      ["if (this.#reloadAgain) this.reload();", "", "a record that is lost"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/count_writer.ts",
    by: JUNK_TEST,
    edits: [
      [
        "if (this.#again === null) this.#begin();\n    else this.#onceMore = true;",
        "this.#begin();",
        "again and again",
      ],
      ["if (this.#onceMore) this.#begin();", "", "a count that is lost"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/deadline.ts",
    by: JUNK_TEST,
    edits: [["timer = setTimeout(judge, Math.min(MOST_GRACE_MS, grace));", "judge();", "stood still itself"]],
  },
  {
    promise: "docs/cluster.md: A master of another machine that a sentinel or a master on this one names",
    file: "lib/cluster/redis/topology.ts",
    by: FINDINGS_TEST,
    edits: [
      ["return !endpoint.tls && address", "return false && address", "another machine"],
      ["!isLocal({ hosts: [address] })", "false", "another machine"],
    ],
  },
  {
    promise: "docs/cluster.md: A master of another machine that a sentinel or a master on this one names",
    file: "lib/cluster/redis/link.ts",
    by: FINDINGS_TEST,
    edits: [["if (exposed === undefined) return masters;", "if (true) return masters;", "another machine"]],
  },
  {
    promise: "docs/cluster.md: A master of another machine that a sentinel or a master on this one names",
    file: "lib/cluster/redis/database_findings.ts",
    by: FINDINGS_TEST,
    edits: [["if (isExposed(access, master)) return", "if (false) return", "another machine"]],
  },
  {
    promise: "docs/cluster.md: a user that lacks a right or has rights that",
    file: "lib/cluster/redis/rights.ts",
    by: FINDINGS_TEST,
    edits: [
      ['    ["GETDEL", key],\n', "", "rights, eviction and replicas"],
      ['    ["HDEL", key, "f"],\n', "", "rights, eviction and replicas"],
      ['    ["DEL", key],\n', "", "rights, eviction and replicas"],
      ["    connection.subscribe([key], onMessage)", "    Promise.resolve()", "rights, eviction and replicas"],
      ['.find((reason) => reason.startsWith("NOPERM"))', ".find(() => false)", "rights, eviction and replicas"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/connection.ts",
    by: FINDINGS_TEST,
    edits: [['.replace(/, with args beginning with.*/is, "")', "", "repeats no password"]],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/records.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [["this.#unsent.set(field, latest);", "this.#unsent.set(field, kept);", "overtakes an unknown later one"]],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/topology.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [["if (signal?.aborted) break;", "", "asks no further sentinel"]],
  },
  {
    promise: "docs/cluster.md: Without TLS (`redis://`), only this machine is allowed",
    file: "lib/cluster/redis/url.ts",
    by: URL_TEST,
    edits: [
      ['"rediss+sentinel": { kind: "sentinel", tls: true }', '"rediss+sentinel": { kind: "sentinel", tls: false }'],
      ['"rediss+cluster": { kind: "cluster", tls: true }', '"rediss+cluster": { kind: "cluster", tls: false }'],
      ["hosts.every(", "hosts.some(", "loopback"],
      ["\\d{1,3}){3}$/", "\\d{1,3}){3}/", "loopback"],
      ['host === "localhost"', 'host.startsWith("localhost")', "loopback"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/url.ts",
    by: URL_TEST,
    edits: [
      ['authority.lastIndexOf("@")', 'authority.indexOf("@")', "within each bound"],
      ["number > 65_535", "number >= 65_535", "within each bound"],
      ["number < 1 ||", "", "refuses other texts"],
      ["names.length > MAX_HOSTS", "names.length >= MAX_HOSTS", "within each bound"],
      ["database > MAX_DATABASE", "database >= MAX_DATABASE", "within each bound"],
      ["{1,128}", "{1,129}", "within each bound"],
      [' && text !== "0"', "", "within each bound"],
      ["Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined", "SCHEMES[scheme]", "refuses other texts"],
      ['if (kind === "single" && names.length > 1)', "if (false)", "refuses other texts"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/connection.ts",
    by: FINDINGS_TEST,
    edits: [
      ["...files, tls: true,", "...files, tls: true, rejectUnauthorized: false,", "another name or authority"],
    ],
  },
  {
    promise: DATABASE,
    file: "lib/cluster/redis/requests.ts",
    by: "tests/cluster/forgery_test.ts",
    edits: [
      ["Math.abs(now - at) > MAX_AGE_MS ||", "", "differs by more than a minute"],
      ["Math.abs(now - at)", "now - at", "differs by more than a minute"],
      ["MAX_AGE_MS = 60_000", "MAX_AGE_MS = 10_000", "differs by more than a minute"],
    ],
  },
  {
    promise: FAILS,
    file: "lib/cluster/redis/topics.ts",
    by: "tests/cluster/faults_test.ts",
    edits: [
      ["this.#pending >= MAX_PENDING ||", "", "bounded by number and bytes"],
      ["this.#pending >= MAX_PENDING", "this.#pending > MAX_PENDING", "bounded by number and bytes"],
      ["this.#pendingBytes + text.length > MAX_PENDING_BYTES", "false", "bounded by number and bytes"],
      ["    this.#pending--;\n", "", "bounded by number and bytes"],
      ["    this.#pendingBytes -= text.length;\n", "", "bounded by number and bytes"],
      ["      this.published.dropped++;\n", "", "bounded by number and bytes"],
    ],
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
