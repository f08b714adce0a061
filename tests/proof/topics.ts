import type { Promised } from "./mutant.ts";

const RIGHT = "A client follows a topic it may not";
const LEAK = "An event, result or error with fields";

export const topics: readonly Promised[] = [
  {
    promise: RIGHT,
    file: "lib/session/topic_questions.ts",
    by: "tests/topics/questions_test.ts",
    edits: [
      ["else question.outdated = true;", "else this.#ask(topic, question);", "not once each"],
      ["if (question.outdated) this.#ask(topic, question);\n      else this.#settle", "this.#settle", "replaced cell"],
      ["question.answers.push(answer);", "", "subscribes again"],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/topic_questions.ts",
    by: "tests/topics/races_test.ts",
    edits: [
      [
        "if (this.#right.of(topic) === undefined) this.#settle(topic, question, ErrorCode.FORBIDDEN);\n      else ",
        "",
        "token without the role",
      ],
      [
        'question.asked = "by_handler";\n    this.#ask(topic, question);',
        "",
        "does not wait behind a client's",
      ],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/subscriptions.ts",
    by: "tests/topics/questions_test.ts",
    edits: [
      ["if (this.#rights.has(topic)) return false;", "", "keep their order"],
      ["if (wanted.endedByHandler) return ErrorCode.FORBIDDEN;", "", "what a handler ended"],
      ["wanted.endedByHandler = false;", "", "what a handler ended"],
      [
        "limits.charge(charged, this.#session.monotonicNow);",
        "",
        "presence of a topic with many",
      ],
      [
        "limits.charge(Math.floor(subscribers / CONNECTIONS_PER_TOKEN), this.#session.monotonicNow);",
        "",
        "a publication for many",
      ],
      [
        "resumed(): void {\n    this.#asking.renew();",
        "resumed(): void {",
        "replaced cell",
      ],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/subscriptions.ts",
    by: "tests/topics/races_test.ts",
    edits: [
      [
        "if (code !== 0 || wanted === undefined) return code;",
        "if (code !== 0) return code;\n    if (wanted === undefined) return this.#followed.add(topic, true) ? 0 : code;",
        "has been unsubscribed",
      ],
      ["else this.#wanted.delete(topic);", "", "has been unsubscribed"],
      ["if (code === 0 && may()) goOn();", "if (code === 0) goOn();", "in doubt"],
      ["renewed(): void {\n    this.#asking.renew();", "renewed(): void {", "earlier token"],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/followed_topics.ts",
    by: "tests/topics/questions_test.ts",
    edits: [
      [
        'else if (followed.state === "asked") followed.state = "outdated";\n      else this',
        "else this",
        "replaced cell",
      ],
      ["if (this.#asked >= MAX_ASKED) break;", "", "refreshes often"],
      [" / QUESTIONS_PER_TOKEN", "", "a refresh costs"],
      ["this.#session.limits.charge(", "void (", "a refresh costs"],
      ["this.#due.size - before", "this.#topics.size", "a refresh costs"],
      [" && (this.#right.declared || followed.byClient)", " && this.#right.declared", "declares no topics"],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/followed_topics.ts",
    by: "tests/topics/races_test.ts",
    edits: [
      ["else if (known.allow) this.#doubt(topic, followed);", "", "after a refresh"],
      ['else if (followed.state === "asked") followed.state = "outdated";\n  }', "}", "second refresh"],
      ['if (code === ErrorCode.FORBIDDEN) return this.#end(topic, followed, "forbidden");', "", "after recheck"],
      [
        'if (this.#heldBytes > this.#session.services.config.server.send_queue) this.#end(topic, followed, "overloaded");',
        "",
        "bounded by send_queue",
      ],
      [
        'if (now - followed.failingSince >= GRACE_MS) this.#end(topic, followed, "overloaded");\n    else ',
        "",
        "can't be asked",
      ],
      ["if (this.#topics.get(topic) === followed) this", "this", "has ended changes nothing"],
    ],
  },
  {
    promise: "Memory filled with addresses, users, topics or labels",
    file: "lib/session/followed_topics.ts",
    by: "tests/session/client_test.ts",
    edits: [
      [" || this.#topics.size > 0 && this.#names + topic.length > most", "", "long names"],
      ["this.#topics.size > 0 && this.#names", "this.#names", "long names"],
      ["this.#names -= topic.length;", "", "long names"],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/session/topic_right.ts",
    by: "tests/topics/races_test.ts",
    edits: [
      ["answer(isTrue(json) ? 0 : ErrorCode.FORBIDDEN)", "answer(0)", "after recheck"],
      ["answer(code === ErrorCode.OVERLOADED ? code : ErrorCode.FORBIDDEN)", "answer(code)", "can't be asked"],
      [
        "known !== undefined && mayFollow(known, this.#session.identity.roles) ? known : undefined",
        "known",
        "token without the role",
      ],
    ],
  },
  {
    promise: RIGHT,
    file: "lib/sandbox/cell/module_topics.ts",
    by: "tests/topics/attacks_test.ts",
    edits: [
      [": answer === true;", ": Boolean(answer);", "by true alone"],
      ["return await answer as unknown === true;", "return Boolean(await answer);", "by true alone"],
    ],
  },
  {
    promise: LEAK,
    file: "lib/sandbox/cell/module_topics.ts",
    by: "tests/topics/outside_calls_test.ts",
    edits: [
      ['jsonText(parsed.data) ?? "null"', 'jsonText(data) ?? "null"', "timer's events"],
      ["if (!parsed.success) throw new EventMisfit(topic, event as string, parsed.error);", "", "timer's events"],
    ],
  },
  {
    promise: LEAK,
    file: "lib/sandbox/cell/declared_errors.ts",
    by: "tests/topics/outside_calls_test.ts",
    edits: [["jsonText(found.data.parse(data))", "jsonText(data)", "a declared error"]],
  },
  {
    promise: LEAK,
    file: "lib/sandbox/cell/runtime.ts",
    by: "tests/topics/outside_calls_test.ts",
    edits: [[" && error.of === callable.errors", "", "a declared error"]],
  },
  {
    promise: LEAK,
    file: "lib/sandbox/cell/callable.ts",
    by: "tests/topics/outside_calls_test.ts",
    edits: [[
      "if (this.#result === undefined) return this.#text(value);",
      "return this.#text(value);",
      "a declared error",
    ]],
  },
  {
    promise: LEAK,
    file: "lib/sandbox/cell/kit.ts",
    by: "tests/topics/outside_calls_test.ts",
    edits: [["if (!(error instanceof EventMisfit)) throw error;", "throw error;", "timer's events"]],
  },
];
