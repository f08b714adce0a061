/** The runtime of a cell, operation by operation. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../assert.ts";
import { type Context, z } from "../../../lib/mod.ts";
import { ToCell } from "../../../lib/sandbox/wire/operations.ts";
import { CellBench } from "./cell_bench.ts";

const params = z.object({});
const method = (handle: (input: never, ctx: Context) => unknown, more: Record<string, unknown> = {}) => {
  return { params: z.looseObject({}), handle, ...more };
};
const REF = "0".repeat(36);
const INTERNAL = 32_603;
const json = JSON.stringify;

interface Failing {
  fail(name: string, data?: unknown): Error;
}

/** A module with one method for each entry. */
const methods = (entries: Record<string, ReturnType<typeof method>>, more: Record<string, unknown> = {}) => {
  return CellBench.load({ methods: entries, ...more });
};

Deno.test("operations of a session that the cell does not have are done, and do nothing", async () => {
  const bench = await methods({ run: method(() => "ran") });
  bench.call(7, 1, 0);
  bench.send(ToCell.Message, 7, 2, 1, "text");
  bench.send(ToCell.Identity, 7, 0, 0, json({ id: "ann", roles: [], claims: {} }));
  bench.send(ToCell.Presence, 7, 1, 0);
  bench.send(ToCell.Subscribed, 7, 1, 0);
  bench.send(ToCell.Allow, 7, 3, 0, "t");
  bench.send(ToCell.Allow, 7, 4, 1, "t");
  bench.send(ToCell.Cancel, 7, 1);
  assertEquals([await bench.settled(), bench.done], [[], 8]);
  bench.send(ToCell.Close, 7, 5, 1000);
  assertEquals(await bench.settled(), [["Result", 5, "null"]]);
});

Deno.test("an operation that is not for a loaded module is an error of the host", async () => {
  const bench = await methods({ run: method(() => "ran") });
  assertThrows(() => bench.send(ToCell.Configure, 0, 1), Error, "not for a loaded module");
});

Deno.test("all that a client causes waits for an asynchronous open, in order; answers to questions do not", async () => {
  const opening = Promise.withResolvers<void>();
  const heard: string[] = [];
  const bench = await methods({
    run: method((_, ctx) => void heard.push(`run as ${ctx.user.id}`)),
  }, {
    topics: { "t": { params, events: {}, allow: () => heard.push("allow") > 0 } },
    open: async (ctx: Context) => {
      await ctx.subscribe("t");
      await opening.promise;
      heard.push("opened");
    },
    close: () => void heard.push("closed"),
  });
  bench.open(1, 1);
  bench.call(1, 2, 0);
  bench.send(ToCell.Identity, 1, 0, 0, json({ id: "ann of the new token", roles: [], claims: {} }));
  bench.call(1, 3, 0);
  bench.send(ToCell.Allow, 1, 4, 0, "t");
  bench.send(ToCell.Publish, 1, 5, 0, json({ params: { topic: "t", event: "none" } }));
  bench.send(ToCell.Allow, 1, 7, 1, "t");
  assertEquals(heard, ["allow"], "only the question of `open` itself is answered");
  assertEquals(await bench.settled(), [["Subscribe", 1, 1, "t"], ["Result", 7, "true"]]);
  bench.send(ToCell.Subscribed, 1, 1, 0);
  bench.send(ToCell.Close, 1, 6, 1000);
  assertEquals(await bench.settled(), []);
  opening.resolve();
  const answers = await bench.settled();
  assertEquals(heard.slice(1), ["opened", "run as ann", "run as ann of the new token", "allow", "closed"]);
  assertEquals(answers.map(([name, call]) => `${name} ${call}`), [
    ...["Result 1", "Result 2", "Result 3", "Result 4", "Error 5", "Result 6"],
  ]);
});

Deno.test("a call after an asynchronous open has ended does not wait", async () => {
  const bench = await methods({ run: method(() => "ran") }, { open: () => Promise.resolve() });
  bench.open(1, 1);
  assertEquals(await bench.settled(), [["Result", 1, "null"]]);
  bench.call(1, 2, 0);
  assertEquals(await bench.settled(), [["Result", 2, '"ran"']]);
});

Deno.test("the close hook runs after open has ended, and the session is forgotten after it", async () => {
  const [opening, closing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const heard: string[] = [];
  const bench = await methods({ run: method(() => void heard.push("run")) }, {
    open: () => opening.promise.then(() => void heard.push("opened")),
    close: (_: Context, code: number) => {
      heard.push(`closing with ${code}`);
      return closing.promise;
    },
  });
  bench.open(1, 1);
  bench.send(ToCell.Close, 1, 2, 4408);
  await bench.settled();
  assertEquals(heard, []);
  opening.resolve();
  assertEquals(await bench.settled(), [["Result", 1, "null"]]);
  assertEquals(heard, ["opened", "closing with 4408"]);
  closing.resolve();
  assertEquals(await bench.settled(), [["Result", 2, "null"]]);
  bench.call(1, 3, 0);
  assertEquals([await bench.settled(), heard.length], [[], 2]);
});

Deno.test("a session whose close is cancelled is forgotten", async () => {
  const bench = await methods({ run: method(() => "ran") }, { close: () => new Promise(() => {}) });
  bench.open(1, 1);
  bench.send(ToCell.Close, 1, 2, 1000);
  bench.send(ToCell.Cancel, 1, 2);
  bench.call(1, 3, 0);
  assertEquals(await bench.settled(), [["Result", 1, "null"]]);
});

Deno.test("a cancelled call has its signal aborted, and the reason of the signal is no failure", async () => {
  const signals: AbortSignal[] = [];
  const wait = ({ signal }: Context) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const bench = await methods({
    wait: method((_, ctx) => wait(ctx)),
    late: method(async (_, ctx) => {
      await bench.time;
      return ctx.signal.aborted;
    }),
  });
  bench.open(1, 1);
  bench.call(1, 2, 0);
  bench.call(1, 3, 0);
  bench.send(ToCell.Cancel, 1, 2);
  assertEquals(await bench.settled(), [["Result", 1, "null"], ["Error", 2, INTERNAL]], "without a report of a failure");
  assertEquals(signals.map(({ aborted }) => aborted), [true, false], "the other call goes on");
  bench.call(1, 4, 1);
  bench.send(ToCell.Cancel, 1, 4);
  assertEquals(await bench.settled(), [["Result", 4, "true"]], "a signal that is read later is aborted as well");
});

Deno.test("the questions of a handler are rejected when its client leaves, and this is no failure", async () => {
  const signals: AbortSignal[] = [];
  const bench = await methods({
    presence: method((_, ctx) => ctx.presence("t")),
    subscribe: method((_, ctx) => {
      signals.push(ctx.signal);
      return ctx.subscribe("t");
    }),
    after: method(async (_, ctx) => {
      await ctx.presence("t").catch(() => {});
      ctx.notify("gone");
      ctx.unsubscribe("t");
      ctx.close("bye");
      ctx.publish("t", "left");
      ctx.log("left");
      assertEquals(ctx.signal.aborted, true);
      await ctx.presence("t");
    }),
  });
  bench.open(1, 1);
  for (const index of [0, 1, 2]) bench.call(1, 2 + index, index);
  await bench.settled();
  bench.send(ToCell.Close, 1, 5, 1000);
  const sent = await bench.settled();
  assertEquals(sent.filter(([name]) => name !== "Error"), [
    ["Result", 5, "null"],
    ["Publish", "t", '{"jsonrpc":"2.0","method":"left"}'],
    ["Log", 1, 1, "left"],
  ]);
  assertEquals(sent.filter(([name]) => name === "Error").map(([, call]) => call).sort(), [2, 3, 4]);
  assertEquals(signals.map(({ aborted }) => aborted), [true]);
});

Deno.test("answers to questions reach the one that asked, once", async () => {
  const bench = await methods({ presence: method((_, ctx) => ctx.presence("t")) });
  bench.open(1, 1);
  bench.open(2, 2);
  bench.call(1, 3, 0);
  assertEquals((await bench.settled()).slice(2), [["Presence", 1, 1, "t"]]);
  const users = json([{ user: "ann", connections: 1 }]);
  bench.send(ToCell.Presence, 2, 1, 1, users);
  bench.send(ToCell.Presence, 1, 9, 1, users);
  assertEquals(await bench.settled(), [], "of another session, or to another question");
  bench.send(ToCell.Presence, 1, 1, 1, users);
  bench.send(ToCell.Presence, 1, 1, 1, "[]");
  assertEquals(await bench.settled(), [["Result", 3, users]]);
  bench.call(1, 4, 0);
  bench.send(ToCell.Subscribed, 1, 2, 0);
  bench.send(ToCell.Presence, 1, 2, 1, users);
  assertEquals(await bench.settled(), [["Presence", 1, 2, "t"]], "an answer of another kind is no answer");
});

Deno.test("presence that is not available rejects, and is reported as a failure", async () => {
  const bench = await methods({ presence: method((_, ctx) => ctx.presence("t")) });
  bench.open(1, 1);
  bench.call(1, 2, 0);
  bench.send(ToCell.Presence, 1, 1, 0);
  const [, , failed, error] = await bench.settled();
  assertEquals(failed!.slice(0, 3), ["Failed", 1, `${REF} presence`]);
  assertStringIncludes(String(failed![3]), "Presence is not available");
  assertEquals(error, ["Error", 2, INTERNAL, json({ ref: REF })]);
});

Deno.test("a refused subscription answers its call with the code, unless the handler catches it", async () => {
  const bench = await methods({
    subscribe: method((_, ctx) => ctx.subscribe("t").then(() => "followed")),
    catches: method((_, ctx) => ctx.subscribe("t").catch((error) => error.message)),
    forgets: method((_, ctx) => void ctx.subscribe("t")),
  });
  bench.open(1, 1);
  for (const [at, index] of [0, 0, 1, 2].entries()) bench.call(1, 2 + at, index);
  await bench.settled();
  for (const [query, code] of [[1, 0], [2, 32_003], [3, 32_004], [4, 32_003]] as const) {
    bench.send(ToCell.Subscribed, 1, query, code);
  }
  assertEquals((await bench.settled()).sort(([, a], [, b]) => Number(a) - Number(b)), [
    ["Result", 2, '"followed"'],
    ["Error", 3, 32_003],
    ["Result", 4, json('The client does not follow "t" (-32004)')],
  ]);
});

Deno.test("methods, frames and topics that the module does not have are answered -32601", async () => {
  const bench = await methods({ run: method(() => "ran") });
  bench.open(1, 1);
  bench.call(1, 2, 1);
  bench.send(ToCell.Message, 1, 3, 1, "text");
  bench.send(ToCell.Allow, 1, 4, 0, "t");
  assertEquals((await bench.settled()).slice(1), [2, 3, 4].map((call) => ["Error", call, 32_601]));
});

Deno.test("raw frames reach the handler as text or as bytes of their own", async () => {
  const heard: unknown[] = [];
  const bench = await CellBench.load({ raw: { binary: true, message: (data: unknown) => void heard.push(data) } });
  bench.open(1, 1);
  bench.add(ToCell.Message, 1, 2, 1, "text");
  bench.add(ToCell.Message, 1, 3, 0, Uint8Array.of(1, 2));
  bench.send(ToCell.Message, 1, 4, 0, Uint8Array.of(3, 4));
  assertEquals(heard, ["text", Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
  assertEquals((await bench.settled()).slice(1), [2, 3, 4].map((call) => ["Result", call, "null"]));
});

Deno.test("allow says yes by true alone, at once or later", async () => {
  const answers: unknown[] = [true, 1, "true", {}, Promise.resolve(true), Promise.resolve(1), undefined];
  const bench = await methods({ run: method(() => "ran") }, {
    topics: {
      "open": { params, events: {} },
      "judged/{n}": { params: z.object({ n: z.string() }), events: {}, allow: ({ n }: { n: string }) => answers[+n] },
    },
  });
  bench.open(1, 1);
  bench.send(ToCell.Allow, 1, 10, 0, "open");
  answers.forEach((_, n) => bench.send(ToCell.Allow, 1, 20 + n, 0, `judged/${n}`));
  const found = (await bench.settled()).filter(([name]) => name === "Result").slice(1);
  const yes = found.filter(([, , text]) => text === "true").map(([, call]) => call);
  assertEquals([yes, found.length], [[10, 20, 24], 1 + answers.length]);
});

Deno.test("an event from outside becomes the notification, or is refused by its schema", async () => {
  const data = z.object({ n: z.number() });
  const strange = z.custom(() => {
    throw new Error("a bug of the schema");
  });
  const bench = await methods({ run: method(() => "ran") }, {
    topics: { "t": { params, events: { counted: data, strange } } },
  });
  const publish = (call: number, event: string, given: unknown, topic = "t") => {
    bench.send(ToCell.Publish, 0, call, 0, json({ params: { topic, event, data: given } }));
  };
  publish(1, "counted", { n: 1, secret: 2 });
  publish(2, "counted", { n: "1" });
  publish(3, "other", {});
  publish(4, "counted", { n: 1 }, "u");
  publish(5, "strange", {});
  const [sent, misfit, unknown, elsewhere, failed, error] = await bench.settled();
  const text = '{"jsonrpc":"2.0","method":"topic.event","params":{"topic":"t","event":"counted","data":{"n":1}}}';
  assertEquals(sent, ["Result", 1, text]);
  assertEquals(misfit!.slice(0, 3), ["Error", 2, 32_602]);
  assertStringIncludes(String(misfit![3]), '"path":["data","n"]');
  for (const [found, call] of [[unknown, 3], [elsewhere, 4]] as const) {
    assertEquals(found!.slice(0, 3), ["Error", call, 32_602]);
    assertStringIncludes(String(found![3]), "unknown_event");
  }
  assertEquals(failed!.slice(0, 2), ["Failed", `${REF} topic.publish`]);
  assertEquals(error, ["Error", 5, INTERNAL, json({ ref: REF })]);
});

Deno.test("a method answers with its own declared errors, and no method with those of another", async () => {
  const errors = {
    full: { code: 1001, message: "full" },
    busy: { code: 1002, message: "busy", data: z.object({ ms: z.number() }) },
  };
  let kept: unknown;
  const fails = (name: string, data?: unknown) =>
    method((_, ctx) => {
      throw kept = (ctx as Context & Failing).fail(name, data);
    }, { errors });
  const bench = await methods({
    full: fails("full"),
    busy: fails("busy", { ms: 5, secret: 1 }),
    unknown: fails("none"),
    unasked: fails("full", {}),
    misfit: fails("busy", { ms: "5" }),
    borrowed: method(() => {
      throw kept;
    }),
  });
  bench.open(1, 1);
  for (const index of [0, 1, 5, 2, 3, 4]) bench.call(1, 2 + index, index);
  const sent = await bench.settled();
  assertEquals(sent.slice(1, 3), [["DeclaredError", 2], ["DeclaredError", 3, 1, json({ ms: 5 })]]);
  const rest = sent.slice(3);
  assertEquals(rest.filter(([name]) => name === "Error").map(([, call]) => call), [7, 4, 5, 6]);
  const why = rest.filter(([name]) => name === "Failed").map((failed) => String(failed.at(-1)));
  for (const [index, text] of ["DeclaredFailure", "declares no error", "declares no data", "ZodError"].entries()) {
    assertStringIncludes(why[index]!, text);
  }
});

Deno.test("a runtime that has worked for some milliseconds sends its answers before it goes on", async () => {
  const bench = await methods({ slow: method(() => void (bench.time += 3)) });
  bench.open(1, 1);
  const request = json({ jsonrpc: "2.0", id: 1, method: "slow", params: {} });
  for (const call of [2, 3]) bench.add(ToCell.Call, 1, call, 0, request);
  assertEquals(bench.send(ToCell.Call, 1, 4, 0, request), true);
  const answers = () => bench.sent.filter(([name]) => name === "Result").length;
  const first = answers();
  assert(first > 1 && first < 4, `${first} answers of the first part`);
  while (bench.receive());
  assertEquals([answers(), bench.done], [4, 4]);
});

Deno.test("answers of a chunk leave together, and that of a promise once it has settled", async () => {
  const bench = await methods({ now: method(() => 1), later: method(() => Promise.resolve(2)) });
  bench.open(1, 1);
  bench.call(1, 2, 0);
  assertEquals(bench.sent.length, 2, "sent at once");
  bench.call(1, 3, 1);
  assertEquals(bench.sent.length, 2, "waits for the promise");
  assertEquals((await bench.settled()).at(-1), ["Result", 3, "2"]);
});
