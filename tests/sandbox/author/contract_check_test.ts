/** Contracts: what is reported, what is refused and how. */
import * as fc from "fast-check";
import { z } from "zod";
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { checkContract } from "../../../lib/sandbox/author/contract_check.ts";
import { makeKit } from "../../../lib/sandbox/cell/kit.ts";
import { describeHandlers, makeHandlers } from "../../../lib/sandbox/cell/module_shape.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";

const kit = makeKit({ publish() {}, log() {} });
const handle = () => 1;
const good = { params: z.object({ a: z.string() }), handle };
const read = async (module: unknown) => checkContract(describeHandlers(await makeHandlers(module, kit)));
const problems = async (module: unknown): Promise<string[]> => {
  const checked = await read(module);
  return "problems" in checked ? checked.problems : [];
};

const wrong: [string, unknown, string][] = [
  ["a reserved name", { methods: { "rpc.x": good } }, "the server's own"],
  ["another reserved name", { methods: { "session.whoami": good } }, "the server's own"],
  ["a name with spaces", { methods: { "a b": good } }, "a name is"],
  ["an empty name", { methods: { "": good } }, "a name is"],
  ["no methods", { methods: {} }, "methods is empty"],
  ["neither methods nor raw", {}, "neither methods nor raw"],
  ["both", { methods: { a: good }, raw: { message() {} } }, "both methods and raw"],
  ["a method that is no object", { methods: { a: 1 } }, "is number, not an object"],
  ["no handle", { methods: { a: { params: z.object({}) } } }, "handle is no function"],
  ["no params", { methods: { a: { handle } } }, "params is missing"],
  ["params that are no schema", { methods: { a: { params: {}, handle } } }, "params is not a zod schema"],
  ["a result that is no schema", { methods: { a: { ...good, result: 1 } } }, "result is not a zod schema"],
  ["roles that are no list", { methods: { a: { ...good, roles: "user" } } }, "roles is not a list"],
  ["a role that is no text", { methods: { a: { ...good, roles: [1] } } }, "roles is not a list"],
  ["an empty list of roles", { methods: { a: { ...good, roles: [] } } }, "roles is not a list"],
  ["a role named twice", { methods: { a: { ...good, roles: ["x", "x"] } } }, "one role twice"],
  ["public and roles", { methods: { a: { ...good, public: true, roles: ["x"] } } }, "contradict"],
  ["public that is no boolean", { methods: { a: { ...good, public: "yes" } } }, "public is neither"],
  ["a cost of nothing", { methods: { a: { ...good, cost: 0 } } }, "cost is not"],
  ["a fractional cost", { methods: { a: { ...good, cost: 1.5 } } }, "cost is not"],
  ["too much cost", { methods: { a: { ...good, cost: 1001 } } }, "cost is not"],
  ["an unserialisable cost", { methods: { a: { ...good, cost: 1n } } }, "cost is not"],
  ["a description that is no text", { methods: { a: { ...good, description: 1 } } }, "description is no text"],
  ["an example that does not fit", { methods: { a: { ...good, examples: [{ a: 1 }] } } }, "examples[0] does not fit"],
  ["an unknown property", { methods: { a: { ...good, role: ["x"] } } }, "role is not known"],
  ["a hook that is no function", { methods: { a: good }, open: 1 }, "open is no function"],
  ["raw without message", { raw: {} }, "raw.message is no function"],
  ["raw with a wrong schema", { raw: { message() {}, schema: 1 } }, "raw.schema is not"],
];
const events = { said: z.object({ text: z.string() }) };
const room = { params: z.object({ room: z.string() }), events };
const withTopics = (topics: unknown) => ({ methods: { a: good }, topics });
const withError = (error: unknown) => ({ methods: { a: { ...good, errors: { low: error } } } });
const low = { code: 1, message: "Low" };
wrong.push(
  ["a method of the server's topics", { methods: { "topic.subscribe": good } }, "the server's own"],
  ["no topics", withTopics({}), "topics is empty"],
  ["topics that are no object", withTopics(1), "topics is empty"],
  ["a topic that is no object", withTopics({ a: null }), "is null, not an object"],
  ["a pattern that is none", withTopics({ "{a": { events } }), "braces only around"],
  ["a topic without events", withTopics({ a: {} }), "events is empty"],
  ["an event that is no schema", withTopics({ a: { events: { said: {} } } }), "not a zod schema"],
  ["a name of an event with spaces", withTopics({ a: { events: { "a b": z.string() } } }), "a name is"],
  ["an event that JSON Schema can't say", withTopics({ a: { events: { a: 1 } } }), "is not a zod schema"],
  ["placeholders without params", withTopics({ "a:{b}": { events } }), "params is missing"],
  ["params that are no object", withTopics({ "a:{b}": { events, params: z.string() } }), "no object schema"],
  ["params that lack a placeholder", withTopics({ "a:{room}:{b}": room }), "params has no b"],
  ["params that the pattern lacks", withTopics({ "a": room }), "params needs room"],
  ["topic params that are no schema", withTopics({ "a:{room}": { ...room, params: 1 } }), "not a zod schema"],
  ["topics that overlap", withTopics({ "a:{room}": room, "a:b": { events } }), "can match both"],
  ["an allow that is no function", withTopics({ a: { events, allow: true } }), "allow is no function"],
  ["an empty list of a topic's roles", withTopics({ a: { events, roles: [] } }), "roles is not a list"],
  ["publishers that are no list", withTopics({ a: { events, publish: "user" } }), "publish is not a list"],
  ["a role that sees presence twice", withTopics({ a: { events, presence: ["a", "a"] } }), "presence names one role"],
  ["a recheck that is no duration", withTopics({ a: { events, recheck: "5 min" } }), "recheck is no duration"],
  ["a recheck of a number", withTopics({ a: { events, recheck: 5 } }), "recheck is no duration"],
  ["a recheck below a second", withTopics({ a: { events, recheck: "999ms" } }), "recheck is no duration"],
  ["a recheck over a day", withTopics({ a: { events, recheck: "25h" } }), "recheck is no duration"],
  ["a topic's description that is no text", withTopics({ a: { events, description: 1 } }), "description is no text"],
  ["an unknown property of a topic", withTopics({ a: { events, role: ["x"] } }), "role is not known"],
  ["topics of a raw module", { raw: { message() {} }, topics: { a: { events } } }, "raw has no topics"],
  ["examples that are no list", { methods: { a: { ...good, examples: 1 } } }, "examples is not a list"],
  ["a binary that is no boolean", { raw: { binary: 1, message() {} } }, "raw.binary is neither"],
  ["errors that are no object", { methods: { a: { ...good, errors: 1 } } }, "errors is no object"],
  ["an error that is no object", withError(null), "is null, not an object"],
  ["an error without a code", withError({ message: "Low" }), "code is no 32-bit integer"],
  ["a fractional code", withError({ ...low, code: 1.5 }), "code is no 32-bit integer"],
  ["a code of more than 32 bits", withError({ ...low, code: 2 ** 31 }), "code is no 32-bit integer"],
  ["the first reserved code", withError({ ...low, code: -32768 }), "reserved"],
  ["the last reserved code", withError({ ...low, code: -32000 }), "reserved"],
  ["an error without a message", withError({ code: 1 }), "message is not"],
  ["an empty message", withError({ ...low, message: "" }), "message is not"],
  ["an error's data that is no schema", withError({ ...low, data: 1 }), "data is not a zod schema"],
  ["an unknown property of an error", withError({ ...low, status: 400 }), "status is not known"],
  ["two errors of one code", { methods: { a: { ...good, errors: { low, high: low } } } }, "two errors have the code 1"],
  ["a name of an error with spaces", { methods: { a: { ...good, errors: { "a b": low } } } }, "a name is"],
);
for (const [what, module, text] of wrong) {
  Deno.test(`checkContract() refuses ${what}`, async () => {
    const found = await problems(module);
    assertEquals(found.length, 1, found.join("; "));
    assertStringIncludes(found[0]!, text);
  });
}

Deno.test("checkContract() refuses a method that is there twice", () => {
  const method = { name: "a", shape: "object", handle: "function", params: { schema: {} } };
  const hooks = { open: "undefined", close: "undefined" };
  const checked = checkContract({ kind: "rpc", hooks, methods: [method, method] });
  assert("problems" in checked);
  assertStringIncludes(checked.problems.join(), "is there twice");
});

/** A schema or example with so many objects and lists inside one another, as parsed from JSON. */
const nested = (levels: number): unknown => JSON.parse('{"a":['.repeat(levels / 2) + "]}".repeat(levels / 2));

function problemsOf(fields: Record<string, unknown>): string[] {
  const method = { name: "a", shape: "object", handle: "function", params: { schema: {} }, ...fields };
  const checked = checkContract({ kind: "rpc", hooks: { open: "undefined", close: "undefined" }, methods: [method] });
  return "problems" in checked ? checked.problems : [];
}

for (
  const [what, fields] of [
    ["params", (levels: number) => ({ params: { schema: nested(levels) } })],
    ["result", (levels: number) => ({ result: { schema: nested(levels) } })],
    ["examples[1]", (levels: number) => ({ examples: [{}, nested(levels)] })],
  ] as const
) {
  Deno.test(`checkContract() takes ${what} of 64 levels and refuses more, without overflowing at 200,000`, () => {
    assertEquals(problemsOf(fields(64)), []);
    for (const levels of [66, 2500, 200_000]) {
      const found = problemsOf(fields(levels));
      assertEquals(found.length, 1);
      assertStringIncludes(found[0]!, `${what} is nested more than 64 levels deep`);
    }
  });
}

Deno.test("checkContract() counts levels to the one", () => {
  const objects = (levels: number) => JSON.parse('{"a":'.repeat(levels) + "1" + "}".repeat(levels)) as unknown;
  assertEquals(problemsOf({ params: { schema: objects(64) } }), []);
  assertEquals(problemsOf({ params: { schema: objects(65) } }).length, 1);
});

Deno.test("checkContract() takes a description of 10,000 characters and refuses a longer one", () => {
  assertEquals(problemsOf({ description: "€".repeat(10_000) }), []);
  const [found] = problemsOf({ description: "€".repeat(10_001) });
  assertStringIncludes(found!, "description has 10001 characters, at most 10000 are allowed");
});

Deno.test("checkContract() names every problem at once", async () => {
  const found = await problems({ methods: { "rpc.a": { ...good, cost: 0 }, b: { ...good, roles: [] } } });
  assertEquals(found.length, 3);
});

Deno.test("checkContract() never throws on any report of a cell", () => {
  fc.assert(fc.property(fc.anything(), (reported) => {
    const checked = checkContract(reported);
    assert("problems" in checked);
  }));
});

Deno.test("a module is given the kit, or is an object already", async () => {
  assertEquals(await problems({ methods: { a: { ...good, cost: 1000, roles: ["user"] } } }), []);
  assertEquals(
    await problems(({ z }: { z: typeof import("zod").z }) => ({ methods: { a: { params: z.object({}), handle } } })),
    [],
  );
});

Deno.test("a contract has topics and errors, with schemas of what a client sends and of what it receives", async () => {
  const said = z.object({ text: z.string(), at: z.number().default(0) });
  const checked = await read({
    topics: {
      "room:{room}": {
        params: z.object({ room: z.string().max(64) }),
        roles: ["user"],
        allow: () => true,
        recheck: "5m",
        publish: ["user"],
        presence: ["admin"],
        events: { said, quiet: z.string() },
        description: "A room",
      },
      news: { events },
    },
    methods: {
      a: { ...good, errors: { low: { code: -31999, message: "Low", data: said }, gone: { code: 2, message: "Gone" } } },
    },
  });
  assert("contract" in checked, "problems" in checked ? checked.problems.join("; ") : "");
  const { methods, topics } = checked.contract;
  const errors = methods.get("a")!.errors!;
  assertEquals(errors.map(({ name, code, message }) => [name, code, message]), [["low", -31999, "Low"], [
    "gone",
    2,
    "Gone",
  ]]);
  assertEquals(errors[0]?.data?.["required"], ["text", "at"]);
  assertEquals(errors[1], { name: "gone", code: 2, message: "Gone" });
  assertEquals([...topics.keys()], ["room:{room}", "news"]);
  const { params, events: made, ...rest } = topics.get("room:{room}")!;
  assertEquals(rest, {
    pattern: "room:{room}",
    allow: true,
    roles: ["user"],
    recheckMs: 300_000,
    publish: ["user"],
    presence: ["admin"],
    description: "A room",
  });
  assertEquals(params?.["properties"], { room: { type: "string", maxLength: 64 } });
  assertEquals(made.get("said")?.data["required"], ["text", "at"]);
  assertEquals(made.get("said")?.data["additionalProperties"], false);
  assertEquals(made.get("said")?.input?.["required"], ["text"]);
  assertEquals(made.get("quiet")?.input, undefined);
  assertEquals(topics.get("news")?.allow, false);
});

for (
  const [what, source, text] of [
    ["has no default export", "export const x = 1;", "no default export"],
    ["throws while it loads", "throw new Error('not today');", "not today"],
    ["is no TypeScript", "const = 1;", "Expected"],
    ["imports what it must not", "import 'node:fs';\nexport default {};", "node:fs"],
    ["is not there", "", "no default export"],
  ]
) {
  Deno.test(`startSandbox() refuses a module that ${what}`, async () => {
    // A folder of its own: the module's folder is searched, and others may fill the one for temporary files.
    const folder = await Deno.makeTempDir();
    const path = `${folder}/module.ts`;
    await Deno.writeTextFile(path, source!);
    try {
      let message = "";
      await Bench.start(settings(path)).then(
        (bench) => bench[Symbol.asyncDispose](),
        (error) => message = String(error),
      );
      assertStringIncludes(message, "SandboxError");
      assertStringIncludes(message, text!);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
