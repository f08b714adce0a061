/** Results of every kind: what JSON can't write, promises and what looks like one, schemas that take their time. */
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { CallError, testHandlers, z } from "../../../lib/mod.ts";

/** Result of a handler, as its client gets it. */
async function result(handle: () => unknown, schema?: z.ZodType): Promise<unknown> {
  const method = { params: z.object({}), handle, ...(schema === undefined ? {} : { result: schema }) };
  return await testHandlers({ methods: { run: method } }).call("run");
}

/** Code of the error of a handler. */
async function code(handle: () => unknown, schema?: z.ZodType): Promise<number> {
  return (await assertRejects(() => result(handle, schema), CallError)).code;
}

Deno.test("a value that JSON has no word for is null", async () => {
  for (const value of [undefined, () => {}, Symbol("x"), { toJSON: () => undefined }, NaN, Infinity]) {
    assertEquals(await result(() => value), null);
    assertEquals(await result(() => Promise.resolve(value)), null);
  }
});

Deno.test("a value that JSON can't write is -32603", async () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const throws = {
    toJSON() {
      throw new Error("no");
    },
  };
  for (const value of [1n, cycle, throws]) {
    assertEquals(await code(() => value), -32603);
    assertEquals(await code(() => Promise.resolve(value)), -32603);
  }
});

Deno.test("a result is JSON text and nothing else, with any toJSON", async () => {
  assertEquals(await result(() => ({ toJSON: () => '1,"jsonrpc":"x"' })), '1,"jsonrpc":"x"');
  assertEquals(await result(() => ({ toJSON: () => ({ a: [new Date(0)] }) })), { a: ["1970-01-01T00:00:00.000Z"] });
});

Deno.test("promises are waited for, and a thenable is what its then gives", async () => {
  assertEquals(await result(() => Promise.resolve(7)), 7);
  assertEquals(await result(() => ({ then: (done: (value: unknown) => void) => done({ a: 1 }) })), { a: 1 });
  assertEquals(
    await code(() => ({ then: (_: unknown, fail: (error: Error) => void) => fail(new Error("x")) })),
    -32603,
  );
  assertEquals(
    await code(() => ({
      then() {
        throw new Error("x");
      },
    })),
    -32603,
  );
});

Deno.test("a then of its own on a promise is not called: the promise's own state counts", async () => {
  let called = 0;
  const promise = Promise.resolve("own");
  Object.defineProperty(promise, "then", {
    value: (done: (value: unknown) => void) => {
      called++;
      done({ [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) });
      done("twice");
    },
  });
  assertEquals([await result(() => promise), called], ["own", 0]);
});

Deno.test("a thenable that settles twice, or late, is taken once", async () => {
  const twice = {
    then(done: (value: unknown) => void, fail: (error: Error) => void) {
      done(1);
      done(2);
      fail(new Error("x"));
    },
  };
  assertEquals(await result(() => twice), 1);
});

Deno.test("a result's schema checks and shapes it; what does not fit is the server's failure", async () => {
  const schema = z.object({ ok: z.boolean() });
  assertEquals(await result(() => ({ ok: true, more: 1 }), schema), { ok: true });
  assertEquals(await code(() => ({ ok: "yes" }), schema), -32603);
  const slow = schema.refine((value) => Promise.resolve(value.ok));
  assertEquals(await result(() => ({ ok: true }), slow), { ok: true });
  assertEquals(await code(() => ({ ok: false }), slow), -32603);
});

Deno.test("parameters with an asynchronous schema are checked, the first time and afterwards", async () => {
  const params = z.object({ n: z.number().refine((n) => Promise.resolve(n > 0)) });
  const module = testHandlers({ methods: { run: { params, handle: ({ n }: { n: number }) => n } } });
  for (let turn = 0; turn < 2; turn++) {
    assertEquals(await module.call("run", { n: 1 }), 1);
    const error = await assertRejects(() => module.call("run", { n: -1 }), CallError);
    assertEquals(error.code, -32602);
  }
});

Deno.test("parameters that are left out are an empty object, or nothing where the schema takes nothing", async () => {
  const seen: unknown[] = [];
  const handle = (params: unknown) => void seen.push(params);
  const module = testHandlers({
    methods: { object: { params: z.object({}), handle }, nothing: { params: z.undefined(), handle } },
  });
  await module.call("object");
  await module.call("nothing");
  assertEquals(seen, [{}, undefined]);
});

Deno.test("issues tell where and why, never the value, and are bounded", async () => {
  const key = "k".repeat(10_000);
  const module = testHandlers({
    methods: { run: { params: z.record(z.string(), z.number()), handle: () => 1 } },
  });
  const params = { [key]: "my secret", ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`a${at}`, "s"])) };
  const error = await assertRejects(() => module.call("run", params), CallError);
  const text = JSON.stringify(error.data);
  const { issues } = error.data as { issues: { path: string[] }[] };
  assertEquals([error.code, issues.length], [-32602, 20]);
  assert(!text.includes("my secret"));
  assert(issues.every(({ path }) => path.every((part) => part.length <= 256)));
});
