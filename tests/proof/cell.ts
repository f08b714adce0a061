import type { Promised } from "./mutant.ts";

export const cell: readonly Promised[] = [
  {
    promise: "README.md: in a process of its own, with no permissions by default",
    file: "lib/sandbox/cell/context.ts",
    by: "tests/sandbox/cell/context_test.ts",
    edits: [
      ["const length = apply(lengthOf, data, []) as number;", "const length = (data as Uint8Array).length;"],
      ['if (length > most) throw tooLong("A message", most);', ""],
      ['topic === "" || utf8Length(topic) > MAX_NAME_BYTES', 'topic === ""'],
      ['if (text) checkLength("A message", data, this.#out.maxBytes);', ""],
      ["while (utf8Length(short) > MAX_REASON_BYTES) short = short.slice(0, -1);", ""],
    ],
  },
  {
    promise: "README.md: in a process of its own, with no permissions by default",
    file: "lib/sandbox/cell/notification.ts",
    by: "tests/sandbox/cell/context_test.ts",
    edits: [
      [
        'if (written === undefined || written !== "" && written[0] !== "{" && written[0] !== "[") {',
        "if (written === undefined) {",
      ],
      ['checkLength("A notification", text, most);', ""],
      ["utf8Length(method) > MAX_NAME_BYTES", "method.length > MAX_NAME_BYTES"],
    ],
  },
  {
    promise: "README.md: | -32602",
    file: "lib/sandbox/cell/callable.ts",
    by: "tests/sandbox/cell/callable_test.ts",
    edits: [
      ["if (!parsed.success) throw new Misfit(jsonText({ issues: visibleIssues(parsed.error) })!);", ""],
      ["if (!parsed.success) throw parsed.error;", ""],
    ],
  },
  {
    promise: "README.md: | -32602",
    file: "lib/sandbox/cell/issues.ts",
    by: "tests/sandbox/cell/callable_test.ts",
    edits: [
      ["error.issues.slice(0, MOST_ISSUES)", "error.issues"],
      ["String(key).slice(0, MAX_TEXT_LENGTH)", "String(key)"],
    ],
  },
  {
    promise: "docs/handlers.md: `ctx.signal` is aborted when the time is up or the",
    file: "lib/sandbox/cell/runtime.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      ["this.#waiting.get(call)?.abort();", "", "has its signal aborted"],
      [
        "if (session.left && error instanceof ClientLeft || context.abortedBy(error)) {",
        "if (session.left && error instanceof ClientLeft) {",
        "has its signal aborted",
      ],
      [
        "if (session.left && error instanceof ClientLeft || context.abortedBy(error)) {",
        "if (context.abortedBy(error)) {",
        "when its client leaves",
      ],
      ["if (this.#sessions.get(handle)?.left === true) this.#sessions.delete(handle);", "", "whose close is cancelled"],
      ["      else void closed.then(forget);", "", "session is forgotten after it"],
    ],
  },
  {
    promise: "README.md: The server calls `open(ctx, { resumed })` before the first message",
    file: "lib/sandbox/cell/runtime.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      [
        "    if (session.opening) session.waiting.push(() => work(session));\n    else work(session);",
        "    work(session);",
        "waits for an asynchronous open",
      ],
      ["    if (session.opening) session.waiting.push(work);\n    else work();", "    work();", "after open has ended"],
      ["      session.opening = false;\n", "", "has ended does not wait"],
      [
        "if (extra === 0) return this.#inOrder(handle, (session) => this.#allow",
        "if (extra <= 1) return this.#inOrder(handle, (session) => this.#allow",
        "waits for an asynchronous open",
      ],
      [
        "if (handle === 0) return this.#publish(0, id, text);\n        return this.#inOrder(handle, () => this.#publish(handle, id, text));",
        "return this.#publish(handle, id, text);",
        "waits for an asynchronous open",
      ],
    ],
  },
  {
    promise: "README.md: no such method",
    file: "lib/sandbox/cell/runtime.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      [
        'if (callable === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");',
        'if (callable === undefined) return this.#out.error(call, ErrorCode.FORBIDDEN, "");',
        "answered -32601",
      ],
      [
        'if (this.#calls.raw === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");',
        'if (this.#calls.raw === undefined) return this.#out.error(call, ErrorCode.FORBIDDEN, "");',
        "answered -32601",
      ],
      [
        'if (judge === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");',
        'if (judge === undefined) return this.#out.error(call, ErrorCode.FORBIDDEN, "");',
        "answered -32601",
      ],
    ],
  },
  {
    promise: "README.md: **Events and results** are parsed by their schemas",
    file: "lib/sandbox/cell/runtime.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      [
        "if (error instanceof Misfit) return this.#out.error(call, ErrorCode.INVALID_PARAMS, error.data);\n      this.#failed(handle",
        "this.#failed(handle",
        "event from outside",
      ],
      [
        "error instanceof DeclaredFailure && error.of === callable.errors",
        "error instanceof DeclaredFailure",
        "with those of another",
      ],
      [
        'if (error instanceof NotSubscribed) return this.#out.error(call, error.code, "");',
        "",
        "a refused subscription",
      ],
      [
        "extra === 1 ? utf8Text(first) : first.slice();",
        "extra === 1 ? utf8Text(first) : first;",
        "bytes of their own",
      ],
    ],
  },
  {
    promise: "README.md: and `true`",
    file: "lib/sandbox/cell/module_topics.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      ["isTrue(answer) : answer === true;", "isTrue(answer) : Boolean(answer);", "true alone"],
      ["return await answer as unknown === true;", "return Boolean(await answer);", "true alone"],
      ["if (!rule?.events.has(event as string)) {", "if (rule === undefined) {", "event from outside"],
      ['path: ["data", ...issue.path]', "path: issue.path", "event from outside"],
    ],
  },
  {
    promise: "README.md: aborted when the client leaves",
    file: "lib/sandbox/cell/cell_session.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      ["for (const context of [...this.signals]) context.abort();", "", "when its client leaves"],
      ["for (const query of this.#queries.values()) query.reject(new ClientLeft());", "", "when its client leaves"],
      [
        "if (code === 0) query.subscribed();\n    else query.reject",
        "if (code <= 32_003) query.subscribed();\n    else query.reject",
        "a refused subscription",
      ],
    ],
  },
  {
    promise: "README.md: aborted when the client leaves",
    file: "lib/sandbox/cell/judge_context.ts",
    by: "tests/sandbox/cell/runtime_test.ts",
    edits: [
      [
        "if (this.#aborted || this.#session.left) this.#controller.abort();",
        "if (this.#session.left) this.#controller.abort();",
        "has its signal aborted",
      ],
      [
        "if (this.#aborted || this.#session.left) this.#controller.abort();",
        "if (this.#aborted) this.#controller.abort();",
        "when its client leaves",
      ],
    ],
  },
  {
    promise: "docs/handlers.md: 20,000 a second and 64 for each message received",
    file: "lib/sandbox/cell/outbox.ts",
    by: "tests/sandbox/cell/outbox_test.ts",
    edits: [
      [
        "if (this.#deps.stream.pending > MAX_PENDING_BYTES || !this.#allowance.take(bytes, this.#deps.now)) {",
        "if (!this.#allowance.take(bytes, this.#deps.now)) {",
        "16 MiB are not sent",
      ],
      [
        "if (this.#deps.stream.pending > MAX_PENDING_BYTES || !this.#allowance.take(bytes, this.#deps.now)) {",
        "if (this.#deps.stream.pending > MAX_PENDING_BYTES) {",
        "20,000 operations",
      ],
      ["if (this.#deps.stream.pending > MAX_PENDING_BYTES) return;", "", "16 MiB are not sent"],
      ["bytesOf(first) + bytesOf(second);", "bytesOf(first);", "32 MiB"],
      ["    this.#allowance.earn(1);", "", "20,000 operations"],
      [
        "if (!this.#allowance.take(utf8Length(text) + utf8Length(kept), this.#deps.now)) return;",
        "",
        "above the allowance",
      ],
      [
        'utf8Length(fields) > MAX_LOG_BYTES ? "" : fields',
        'utf8Length(fields) >= MAX_LOG_BYTES ? "" : fields',
        "cuts a message",
      ],
      [
        "if (utf8Length(text) > MAX_INFO_BYTES) throw new RangeError(`The contract is longer than ${MAX_INFO_BYTES} bytes`);",
        "",
        "a contract of 1 MiB",
      ],
      ["if (this.#writer.size > FLUSH_FROM_BYTES) this.flush();\n    else if", "if", "64 KiB at once"],
      ["else if (!this.working) this.flushLater();", "else this.flushLater();", "64 KiB at once"],
    ],
  },
  {
    promise: "README.md: `data.issues` has path and reason of each, never the value",
    file: "lib/sandbox/cell/issues.ts",
    by: "tests/sandbox/cell/describe_test.ts",
    edits: [
      ["error.issues.slice(0, MOST_ISSUES)", "error.issues", "20 issues"],
      ["issue.path.slice(0, 32)", "issue.path", "20 issues"],
      ["String(key).slice(0, MAX_TEXT_LENGTH)", "String(key)", "20 issues"],
      ["issue.message.slice(0, MAX_TEXT_LENGTH)", "issue.message", "20 issues"],
    ],
  },
  {
    promise: "README.md: `data.ref` finds the error in the log",
    file: "lib/sandbox/cell/describe_error.ts",
    by: "tests/sandbox/cell/describe_test.ts",
    edits: [
      ["text.slice(0, MAX_DESCRIPTION_LENGTH)", "text", "cuts a long one"],
    ],
  },
  {
    promise: "README.md: `testHandlers` in [lib/mod.ts](lib/mod.ts) tests a module without a server",
    file: "lib/sandbox/testkit/test_topics.ts",
    by: "tests/sandbox/testkit/testkit_test.ts",
    edits: [
      ["if (this.declared && !hasRole(known, from)) return ErrorCode.FORBIDDEN;", "", "handler's subscription"],
      [
        "yes ? this.#follow(session, from, topic) : ErrorCode.FORBIDDEN",
        "this.#follow(session, from, topic)",
        "handler's subscription",
      ],
    ],
  },
  {
    promise: "README.md: and with bounded memory and time",
    file: "lib/sandbox/cell/crypto_queue.ts",
    by: "tests/sandbox/cell/crypto_queue_test.ts",
    edits: [
      ["const MAX_RUNNING = 2;", "const MAX_RUNNING = 3;", "two operations at once"],
      [
        "if (next === undefined) running--;\n    else next();",
        "if (next !== undefined) next();",
        "two operations at once",
      ],
    ],
  },
];
