import type { Promised } from "./mutant.ts";

export const ops: readonly Promised[] = [
  {
    promise: "CHANGELOG.md: refuse an admin token of fewer than 16 characters",
    file: "lib/ops/admin_token.ts",
    by: "tests/cli/messages_test.ts",
    edits: [
      ["const MIN_LENGTH = 16;", "const MIN_LENGTH = 1;", "an admin token"],
      ["if (!/^[\\x21-\\x7e]*$/.test(token)) return", "if (false) return", "an admin token"],
    ],
  },
  {
    promise: "The ops port reached from a browser",
    file: "lib/ops/ops_server.ts",
    by: "tests/ops/ops_server_test.ts",
    edits: [
      ['if (request.headers.has("origin")) return "origin_not_allowed";', "", "a web page could have caused"],
      ['if (site !== null && site !== "none") return "origin_not_allowed";', "", "a web page could have caused"],
      [
        'host === bound.toLowerCase() ? null : "host_not_allowed"',
        "true ? null : null",
        "a web page could have caused",
      ],
      ["given === undefined || !await equalSecrets(given, adminToken)", "given === undefined", "needs the admin token"],
      ["options.adminToken === undefined || !isAdminPath(path)", "!isAdminPath(path)", "off without an admin token"],
    ],
  },
  {
    promise: "docs/operations.md: A body is JSON of at most 64 KiB and must arrive within 5 seconds",
    file: "lib/ops/ops_server.ts",
    by: "tests/ops/ops_server_test.ts",
    edits: [
      ["if (size > MAX_BODY_BYTES) throw", "if (false) throw", "without a length"],
      ["if (!exceedsDepth(text, MAX_LEVELS)) return", "return", "nests deeper"],
      [
        'return answer(500, { error: "internal" });\n  }\n  const',
        "return answer(500, { error: String(error) });\n  }\n  const",
        "answers 500",
      ],
      ["ready ? 200 : 503", "200", "readyz"],
    ],
  },
  {
    promise: "docs/operations.md: Each change is one `admin.action` line in the log",
    file: "lib/ops/ops_server.ts",
    by: "tests/ops/admin_log_test.ts",
    edits: [
      ['if (logged) options.log.info("admin.action"', 'if (logged) options.log.debug("admin.action"'],
      ["(await digest(adminToken)).subarray(0, 4).toHex()", "adminToken.slice(0, 8)"],
      ["const caller = { ip, admin: await fingerprint(adminToken) };", "const caller = { ip };"],
      [
        'options.log.warn("admin.rejected", { ip, reason, method: request.method, path });',
        'options.log.warn("admin.rejected", { ip, reason, method: request.method, path, given });',
      ],
    ],
  },
  {
    promise: "docs/operations.md: Each change is one `admin.action` line in the log",
    file: "lib/ops/admin.ts",
    by: "tests/ops/admin_log_test.ts",
    edits: [
      [', logged: { action: "kick", conn: id }', ""],
      [
        'if (applied === "everywhere") return { status: 200, body, logged };',
        'if (applied === "everywhere") return { status: 200, body };',
      ],
      ['{ action: "revoke", ...what, expires_at, closed }', '{ action: "revoke" }'],
      ['{ action: "lift_ban", key }', '{ action: "lift_ban" }'],
      ['{ action: "lift_revocation", key }', '{ action: "lift_revocation" }'],
      [', logged: { action: "publish", topic, method }', ""],
    ],
  },
  {
    promise: "docs/operations.md: The moment can be at most 10 minutes in the future",
    file: "lib/ops/admin.ts",
    by: "tests/ops/ops_server_test.ts",
    edits: [
      ["if (expires_at !== undefined && expires_at <= now) throw", "if (false) throw", "a token, a user or a moment"],
      ['if ("before" in what && what.before > now + MAX_AHEAD_MS) {', "if (false) {", "a token, a user or a moment"],
      ["const MAX_AHEAD_MS = 600_000;", "const MAX_AHEAD_MS = 86_400_000;", "a token, a user or a moment"],
      ["if (!value) throw nowhere(coverage);", "void nowhere;", "DELETE /connections"],
      ['if (applied === "unknown") throw new AdminError(404, "not_found");', "", "GET and DELETE /bans"],
    ],
  },
  {
    promise: "The ops port reached from a browser",
    file: "lib/ops/http_server.ts",
    by: "tests/ops/ops_server_test.ts",
    edits: [
      ["if (this.#connections.size >= MAX_CONNECTIONS) {", "if (false) {", "at most sixteen"],
      ['connection: "close",', "", "one request a connection"],
      ["if (socket.bytesRead === 0) socket.destroy();", "", "closing the ops server"],
    ],
  },
  {
    promise: "Code that takes over the main process",
    file: "lib/ops/permissions.ts",
    by: "tests/ops/permissions_test.ts",
    edits: [
      ['["env", "run", "ffi", "sys", "import"] as const) {', '["env", "ffi", "sys", "import"] as const) {'],
      ['["env", "run", "ffi", "sys", "import"] as const) {', '["run", "ffi", "sys", "import"] as const) {'],
      ['["env", "run", "ffi", "sys", "import"] as const) {', '["env", "run", "ffi", "import"] as const) {'],
      ['if (!needs.net) Deno.permissions.revokeSync({ name: "net" });', ""],
      ['Deno.permissions.revokeSync({ name, path: "/" });', ""],
      ["    Deno.permissions.revokeSync({ name });\n    return [];", "    return [];"],
      ["if (!keep.some((kept) => kept === name)) Deno", "Deno"],
    ],
  },
  {
    promise: "docs/operations.md: It sends the service manager `READY=1`, `RELOADING=1`",
    file: "lib/ops/systemd.ts",
    by: "tests/ops/systemd_test.ts",
    edits: [
      ['send("READY=1", statusText(status))', "send(statusText(status))", "in order"],
      ['send("STOPPING=1", statusText(status))', "send(statusText(status))", "in order"],
      [
        'if (await healthy()) send("WATCHDOG=1");',
        'await healthy();\n          send("WATCHDOG=1");',
        "while the server is healthy",
      ],
      ['status.replace(/\\p{Cc}+/gu, " ")', "status", "in order"],
      ["(pid !== undefined && Number(pid) !== Deno.pid)", "false", "watchdogInterval"],
      ["Math.floor(micros / 2000)", "Math.floor(micros / 1000)", "watchdogInterval"],
      ['send("RELOADING=1", monotonic(performance.now()))', 'send("RELOADING=1")', "monotonic clock"],
    ],
  },
  {
    promise: "docs/operations.md: Lists have the entries of all fronts",
    file: "lib/ops/merged_answers.ts",
    by: "tests/ops/other_fronts_test.ts",
    edits: [
      ['const SUMMED = ["closed", "delivered"];', 'const SUMMED = ["closed"];', "numbers are summed"],
      ["if (!known.has(name)) known.set(name, entry);", "known.set(known.size, entry);", "each once"],
      ["done.length > 0 && answer.status >= 500 && !isDone(answer)", "false", "as by one"],
      [
        "done.length > 0 && answer.status >= 500 && !isDone(answer)",
        "answer.status >= 500 && !isDone(answer)",
        "as by one",
      ],
      ["answer.status >= 500 && !isDone(answer)", "answer.status >= 500", "cut off from the cluster"],
      ['return status < 300 || body["applied"] === "here";', "return status < 300;", "cut off from the cluster"],
      ['body["complete"] !== false && ', "", "isAboutAll"],
      ['status >= 300 || name !== "error" && name !== "applied"', "true", "cut off from the cluster"],
      ["given.find(({ status }) => status !== 404) ?? given[0]!", "given[0]!", "as by one"],
      ['...("missing" in body ? { missing: body["missing"] } : {}),', "", "silent front"],
      [
        "given.every((conditions) => conditions[name])",
        "given.some((conditions) => conditions[name])",
        "every front is",
      ],
      ["fronts: given.length === answers.size", "fronts: true", "silent front"],
    ],
  },
  {
    promise: "docs/operations.md: `/metrics` has the samples of all fronts, with the label `front`",
    file: "lib/ops/merged_metrics.ts",
    by: "tests/ops/other_fronts_test.ts",
    edits: [
      ["text === null ? 0 : 1", "1", "silent front"],
      ["const known = families.get(name);", "const known = undefined as Family | undefined;", "one name"],
      ["if (isFirst) family.head.push(line);", "family.head.push(line);", "one name"],
    ],
  },
  {
    promise: "docs/operations.md: A change acts on all of them, and succeeds if it does on one",
    file: "lib/ops/other_fronts.ts",
    by: "tests/ops/other_fronts_test.ts",
    edits: [
      ['if (path === "/publish") return !this.#options.clustered;', "", "numbers are summed"],
      ["return !this.#options.clustered;", "return true;", "to one of them"],
      ["!(this.#options.clustered && isAboutAll(own))", "true", "to one of them"],
      ["(connections|bans|revocations)", "(bans|revocations)", "each once"],
      ["(connections|bans|revocations)", "(connections|bans)", "numbers are summed"],
      ["asked.end(body === undefined ? undefined : JSON.stringify(body));", "asked.end();", "numbers are summed"],
    ],
  },
  {
    promise: "docs/operations.md: A change acts on all of them, and succeeds if it does on one",
    file: "lib/ops/ops_server.ts",
    by: "tests/ops/other_fronts_test.ts",
    edits: [
      ["|| WRONG_REQUEST.includes(own.status)", "", "asked of none"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/ops/front_server.ts",
    by: "tests/ops/other_fronts_test.ts",
    edits: [
      [
        'if (!await equalSecrets(request.headers.get("authorization") ?? "", `Bearer ${secret}`)) {',
        "if (!secret) {",
        "secret",
      ],
    ],
  },
];
