/** `testHandlers()`, as an author uses it. */
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { CallError, type Handlers, testHandlers } from "../../../lib/mod.ts";

const module = (({ z, method }) => ({
  methods: {
    "note.add": method({
      params: z.object({ text: z.string().min(1) }),
      roles: ["user"],
      async handle({ text }, ctx) {
        const all = (ctx.state["all"] ??= []) as string[];
        all.push(text);
        ctx.subscribe("notes");
        ctx.publish("notes", "note.added", { by: ctx.user.id, text });
        return { count: all.length, present: await ctx.presence("notes") };
      },
    }),
    fails: method({
      params: z.object({}),
      handle() {
        throw new Error("inside");
      },
    }),
  },
  open: (ctx, { resumed }) => ctx.log("open", { resumed }),
  close: (ctx, code) => ctx.publish("notes", "note.left", { code }),
})) satisfies Handlers;

Deno.test("testHandlers() calls methods, keeps state by connection, records what was done", async () => {
  const notes = testHandlers(module);
  const ann = { user: "ann", roles: ["user"] };
  const present = [{ user: "ann", connections: 1 }];
  assertEquals(await notes.call("note.add", { text: "a" }, ann), { count: 1, present });
  assertEquals(await notes.call("note.add", { text: "b" }, ann), { count: 2, present });
  assertEquals(await notes.call("note.add", { text: "c" }, { ...ann, connection: "2" }), {
    count: 1,
    present: [{ user: "ann", connections: 2 }],
  });
  await notes.close(1001, ann);
  assertEquals(
    notes.events.filter(({ type }) => type === "publish").map((event) => "params" in event && event.params),
    [
      { by: "ann", text: "a" },
      { by: "ann", text: "b" },
      { by: "ann", text: "c" },
      { code: 1001 },
    ],
  );
  assertEquals(notes.events[0], {
    type: "log",
    connection: "1",
    level: "info",
    message: "open",
    fields: { resumed: false },
  });
});

Deno.test("testHandlers() refuses as the server does", async () => {
  const notes = testHandlers(module);
  const code = async (method: string, params: unknown, roles: string[]) =>
    (await assertRejects(() => notes.call(method, params, { roles }), CallError)).code;
  assertEquals(await code("note.add", { text: "a" }, []), -32003);
  assertEquals(await code("note.add", { text: "" }, ["user"]), -32602);
  assertEquals(await code("none", {}, []), -32601);
  assertEquals(await code("fails", {}, []), -32603);
  const failed = notes.events.find(({ type }) => type === "failed");
  assert(failed?.type === "failed" && failed.error.includes("inside"));
});

Deno.test("testHandlers() rejects with what is wrong with the contract", async () => {
  const broken = testHandlers({ methods: {} });
  await assertRejects(() => broken.call("a"), TypeError, "methods is empty");
});

Deno.test("testHandlers() hands raw frames over", async () => {
  const echo = testHandlers({ raw: { message: (data, ctx) => ctx.send(data) } });
  await echo.message("hi");
  await echo.message(new Uint8Array([1]));
  assertEquals(echo.events.map((event) => event.type === "send" && event.data), ["hi", new Uint8Array([1])]);
});
