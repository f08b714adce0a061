import type { Promised } from "./mutant.ts";

export const session: readonly Promised[] = [
  {
    promise: "Malformed or polluting JSON",
    file: "lib/rpc/json_scan.ts",
    by: "tests/rpc/rpc_test.ts",
    edits: [
      ["if (++depth > maxDepth) return true;", "if (++depth > maxDepth + 1) return true;"],
      ["if (c === BACKSLASH) i++;\n    else if (c === QUOTE) break;", "if (c === QUOTE) break;"],
    ],
  },
  {
    promise: "A token used after logout or expiry",
    file: "lib/server/gate.ts",
    by: "tests/server/admission_races_test.ts",
    edits: [
      [
        'if (revocations.isRevoked(accepted.identity)) session.end("token_revoked");\n    else if (banned)',
        "if (banned)",
        "edge: a user that is revoked",
      ],
      ['else if (banned) session.end("banned");', "", "edge: a user that is banned"],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      [
        "if (this.#waiting.size > 0 || !this.#request(request, batch)) {",
        "if (!this.#request(request, batch)) {",
        "overtaken",
      ],
      ["this.#refusals.countInvalid(code, call.batch);\n", "", "batch counts once"],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/session/refusals.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      [
        'if (errorMeans(code) !== "invalid" || batch?.invalid) return;',
        'if (errorMeans(code) !== "invalid") return;',
        "batch counts once",
      ],
      ["if (++this.#invalid >= max_invalid)", "if (++this.#invalid > max_invalid)", "single invalid"],
      ["if (batch) batch.invalid = true;", "", "batch counts once"],
      [
        'const verdict = this.#session.limits.call("", 1, this.#session.monotonicNow);',
        'const session = this.#session;\n    const verdict = session.ending ? session.limits.call("", 1) : null;',
        "faulty elements",
      ],
      [
        'this.#session.violated("rate_limited", { ...fields, scope }, excused);',
        'this.#session.rejected("rate_limited", { ...fields, scope });',
        "violations",
      ],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/session/outgoing.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      [
        "if (batch !== null && batch.size > this.#services.config.server.send_queue) return this.giveUp();",
        "",
        "send_queue",
      ],
    ],
  },
  {
    promise: "docs/operations.md: requests in flight are answered, then 1001",
    file: "lib/session/session.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      ["this.intake.pause(PauseReason.DRAINING);", "", "draining"],
    ],
  },
  {
    promise: "README.md: | 1011 | `internal`",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/dispatcher_test.ts",
    edits: [
      [
        'if (errorMeans(code) === "lost" && this.#session.module.contract.kind === "raw") {',
        'if (errorMeans(code) === "lost") {',
      ],
      ['this.#session.end("internal");', ""],
    ],
  },
  {
    promise: "README.md: | -32601",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/dispatcher_test.ts",
    edits: [
      [
        "this.#refusals.fault(id, ErrorCode.METHOD_NOT_FOUND, batch, {});",
        "this.#refusals.fault(id, ErrorCode.FORBIDDEN, batch, {});",
      ],
      ["if (!mayCall(contract, identity.roles)) {", "if (false as boolean) {"],
      [
        "if (this.#inFlight >= services.config.messages.max_in_flight) {",
        "if (this.#inFlight > services.config.messages.max_in_flight) {",
      ],
      ["if (this.#session.intake.pause(PauseReason.REQUEST)) return false;\n", ""],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/batch_test.ts",
    edits: [
      [
        "resolve(resultJson: string | Uint8Array, now?: number): void {\n    if (this.#settled) return;",
        "resolve(resultJson: string | Uint8Array, now?: number): void {",
      ],
      ["message?: string): void {\n    if (this.#settled) return;", "message?: string): void {"],
      [
        "0, this.#id === undefined ? null : resultResponse(this.#id, resultJson)",
        "0, resultResponse(this.#id ?? null, resultJson)",
      ],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/batch.ts",
    by: "tests/session/batch_test.ts",
    edits: [
      ["if (--this.#open > 0 || this.#responses.length === 0) return null;", "if (--this.#open > 0) return null;"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/once_test.ts",
    edits: [
      ["if (done) this.#session.intake.resume(PauseReason.REQUEST);", ""],
      ["this.#timed = false;\n          this.#goOn();", "this.#goOn();"],
      ["return this.#inFlight === 0 && this.#waiting.size === 0 && !this.#taking;", "return this.#inFlight === 0;"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: Each request runs once and is answered once",
    file: "lib/session/state.ts",
    by: "tests/session/once_test.ts",
    edits: [
      ["if (this.delayed) return;", ""],
      ["this.finished = undefined;\n    finished?.();", "finished?.();"],
    ],
  },
  {
    promise: "A token used after logout or expiry",
    file: "lib/session/life.ts",
    by: "tests/session/life_test.ts",
    edits: [
      ["this.#expiresAt = expiresAt;\n    return", "return"],
      ["if (this.#ended) return Infinity;", ""],
      ["at + Math.max(0, this.#expiresAt - this.#now()),\n", "Infinity,\n"],
    ],
  },
  {
    promise: "README.md: within two ping intervals",
    file: "lib/session/life.ts",
    by: "tests/session/life_test.ts",
    edits: [
      ["if (this.#ping === null) this.#sendPing(at);", "if (this.#ping === null) this.#lastHeard = at;"],
      ['if (idle && sinceStall >= idle_timeout) return "idle";', ""],
      ['if (idle && sinceStall >= idle_timeout) return "idle";', 'if (idle) return "idle";'],
      ["this.heard(at);\n    this.#lastMessage = at;", "this.heard(at);"],
      [
        "this.#lastHeard = at;\n    this.#confirmed",
        "this.#lastMessage = at;\n    this.#lastHeard = at;\n    this.#confirmed",
      ],
      ["if (this.#pausedAt >= 0) return null;", ""],
      ["this.#lastMessage += at - this.#pausedAt;", ""],
      ["!this.#moved(this.#ping, at) && ", ""],
      ["this.#limits.ping_interval + underWay / SLOWEST_LINK_BYTES_PER_MS", "this.#limits.ping_interval"],
      [" && sinceStall >= ping_interval) {", ") {"],
      ["Math.min(MAX_UNDER_WAY_BYTES, this.#session.taken - this.#confirmed)", "this.#session.taken - this.#confirmed"],
      [
        "if (ping.taken >= ping.behind || taken === ping.taken) return false;",
        "if (taken === ping.taken) return false;",
      ],
    ],
  },
  {
    promise: "README.md: | 1013 | `slow_consumer`",
    file: "lib/session/outgoing.ts",
    by: "tests/session/outgoing_test.ts",
    edits: [
      ["if (this.#socket.queued > this.#services.config.server.send_queue) this.giveUp();", ""],
      [
        "if (this.#socket.queued > this.#services.config.server.send_queue)",
        "if (this.#socket.queued >= this.#services.config.server.send_queue)",
      ],
      ['this.#services.telemetry.message("out", "dropped");', ""],
    ],
  },
  {
    promise: "README.md: with the new token of the same `sub`",
    file: "lib/session/builtins.ts",
    by: "tests/session/builtins_test.ts",
    edits: [
      ["return user === session.userId && ", "return "],
      ["if (!mayRenew(session, verified.identity)) return call.reject(ErrorCode.FORBIDDEN);", ""],
      ["JSON.stringify({ reason: verified.reason })", "JSON.stringify(verified)"],
      ["session.renew(verified.identity);", ""],
      ["Math.floor(expiresAt / 1000)", "expiresAt"],
      [
        "session.services.documents.of(session.module.contract, session.identity.roles)",
        'session.services.documents.of(session.module.contract, ["admin"])',
      ],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/session/` | one admitted connection",
    file: "lib/session/client.ts",
    by: "tests/session/client_test.ts",
    edits: [
      ['this.#session.end("internal");', ""],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/session/session.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      ["this.ended();\n    this.#dispatcher", "this.#dispatcher", "gives its buckets"],
    ],
  },
  {
    promise: "Malformed or polluting JSON",
    file: "lib/session/state.ts",
    by: "tests/session/promises_test.ts",
    edits: [
      ["this.limits.release();", "", "gives its buckets"],
      ['if (excused) return;\n    if (this.limits.violation()) this.end("rate_limited");', "", "violations"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/session/` | one admitted connection",
    file: "lib/session/intake.ts",
    by: "tests/session/intake_test.ts",
    edits: [
      ["if (this.#reasons !== 0 || this.#ended) return;", "if (this.#ended) return;"],
      ["if (this.#reasons !== 0 || this.#ended) return;", "if (this.#reasons !== 0) return;"],
      ["if (!this.#socket.pause()) return false;", "this.#socket.pause();"],
      ["if (this.#budget.take(bytes)) return;", "return;"],
      ["this.#idler.resumed(this.#monotonic());", ""],
      ["this.#ended = true;\n    this.#cancel();", "this.#ended = true;"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/session/` | one admitted connection",
    file: "lib/session/registry.ts",
    by: "tests/session/registry_test.ts",
    edits: [
      ["if (sessions?.delete(session) && sessions.size === 0) this.#byUser.delete(session.userId);", ""],
      ["if (!this.#byId.delete(session.id)) return;", ""],
      ["return [...this.#byUser.get(user) ?? []];", "return (this.#byUser.get(user) ?? []) as S[];"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: `lib/session/` | one admitted connection",
    file: "lib/session/session.ts",
    by: "tests/session/session_test.ts",
    edits: [
      ['const own = kind === "fragment" ? 0 : bytes;', "const own = bytes;"],
      ["this.intake.spend(own);", ""],
      ["this.services.monotonic() - this.startedAt", "this.services.now() - this.since"],
    ],
  },
  {
    promise: "docs/deployment.md: The first serves each session for a while",
    file: "lib/server/drain_sessions.ts",
    by: "tests/e2e/drain_test.ts",
    edits: [
      ["if (config.server.reuse_port) await letMove(deps, started);\n  else {", "{", "until its client has moved"],
      ["session.announce(delay, servedMs);", "session.announce(delay);", "until its client has moved"],
      ["started + servedMs + timeout * TRANSIT_PART", "started", "told or not"],
    ],
  },
  {
    promise: "README.md: the server stops reading instead",
    file: "lib/session/session.ts",
    by: "tests/session/once_test.ts",
    edits: [
      ['typeof data === "string" ? data : data.slice(), bytes)) {', "data, bytes)) {", "raw binary frames"],
    ],
  },
  {
    promise: "README.md: the server stops reading instead",
    file: "lib/session/dispatcher.ts",
    by: "tests/session/once_test.ts",
    edits: [
      [
        'if ("data" in request) return typeof request.data === "string" ? request : { ...request, data: request.data.slice() };',
        'if ("data" in request) return request;',
        "raw binary frames",
      ],
    ],
  },
  {
    promise: "README.md: `kicked`",
    file: "lib/session/session.ts",
    by: "tests/session/ending_test.ts",
    edits: [
      ["    if (this.ending) return;\n    this.arrived =", "    this.arrived =", "runs no further message"],
    ],
  },
  {
    promise: "README.md: is asked again after `recheck` and after a refresh of the token",
    file: "lib/session/topic_questions.ts",
    by: "tests/session/topic_questions_test.ts",
    edits: [
      ["if (question.attempt !== attempt) return;", "", "the earlier one does not"],
      ["if (question.outdated) this.#ask(topic, question);\n      else this", "this", "no answer count"],
    ],
  },
];
