/** Texts about errors of a module: bounded, and made of anything that was thrown. */
import { z } from "zod";
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { describeError } from "../../../lib/sandbox/cell/describe_error.ts";
import { visibleIssues } from "../../../lib/sandbox/cell/issues.ts";

Deno.test("describeError() describes an error by its stack, and any other value as text", () => {
  assertStringIncludes(describeError(new TypeError("wrong")), "describe_test.ts");
  const bare = new TypeError("wrong");
  Object.defineProperty(bare, "stack", { value: undefined });
  assertEquals(describeError(bare), "TypeError: wrong");
  assertEquals([describeError("text"), describeError(7), describeError(null)], ["text", "7", "null"]);
});

Deno.test("describeError() survives a value that can't be described, and cuts a long one", () => {
  const hostile = {
    toString() {
      throw new Error("again");
    },
  };
  for (const value of [hostile, Object.create(null), Symbol.prototype]) {
    assertEquals(describeError(value), "an error that can't be described");
  }
  assertEquals(describeError("x".repeat(5_000)).length, 4_096);
});

Deno.test("visibleIssues() has 20 issues, paths of 32 keys, and texts of 256 characters", () => {
  const list = z.array(z.number()).safeParse(Array.from({ length: 30 }, () => "secret value"));
  const issues = visibleIssues(list.error!);
  assertEquals(issues.length, 20);
  assertEquals(issues[19], { path: [19], code: "invalid_type", message: issues[0]!.message });
  assert(!JSON.stringify(issues).includes("secret value"));
  const long = z.record(z.string(), z.number()).safeParse({ ["k".repeat(300)]: "x" });
  assertEquals(visibleIssues(long.error!)[0]!.path, ["k".repeat(256)]);
  const strict = z.strictObject({}).safeParse({ ["k".repeat(300)]: 1 });
  assertEquals(visibleIssues(strict.error!)[0]!.message.length, 256);
  const deep = new z.core.$ZodError([{
    ...{ code: "custom", input: 1, message: "deep" },
    path: Array.from({ length: 40 }, (_, at) => at),
  }]);
  assertEquals(visibleIssues(deep)[0]!.path.length, 32);
  const bare = new z.core.$ZodError([{ path: [Symbol("s")], message: "" } as unknown as z.core.$ZodIssue]);
  assertEquals(visibleIssues(bare), [{ path: ["Symbol(s)"], code: "custom", message: "" }]);
});
