/** A module's actions for a client that has left. */
import { assertEquals } from "../assert.ts";
import { call, join, nextAnswer } from "../helpers/client.ts";
import { type Handlers, testHandlers } from "../../lib/mod.ts";
import { Live } from "../helpers/module_server.ts";
import { until } from "../helpers/until.ts";

const MODULE = `export default ({ z }) => {
  let go;
  const told = [];
  return {
    methods: {
      follow: { params: z.object({}), handle: (_, ctx) => { ctx.subscribe("t"); return true; } },
      later: {
        params: z.object({}),
        handle(_, ctx) {
          void new Promise((resolve) => go = resolve).then(() => {
            ctx.publish("t", "late", { from: ctx.user.id });
            for (const act of [() => ctx.notify("x"), () => ctx.subscribe("u"), () => ctx.unsubscribe("t"), () => ctx.close("x")]) {
              try {
                act();
              } catch (error) {
                told.push(String(error));
              }
            }
            ctx.log("done");
          });
          return true;
        },
      },
      go: { params: z.object({}), handle: () => { go(); return told; } },
      present: {
        params: z.object({}),
        async handle(_, ctx) {
          ctx.log("asking");
          for (;;) await ctx.presence("t");
        },
      },
      wait: {
        params: z.object({}),
        handle: (_, ctx) => new Promise((_, reject) => {
          ctx.log("waiting");
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        }),
      },
      ping: { params: z.object({}), handle: () => "pong" },
    },
  };
};`;

Deno.test("an event that a handler publishes after its client left reaches the subscribers", async () => {
  await using live = await Live.start({ "d.v1": MODULE });
  using listener = await join(live.server, { subprotocol: "d.v1", user: "listener" });
  await call(listener, "follow", {});
  {
    using leaver = await join(live.server, { subprotocol: "d.v1", user: "leaver" });
    assertEquals((await call(leaver, "later", {})).result, true);
  }
  await live.server.logged("connection.closed", (line) => line["user"] === "leaver");
  await listener.text('{"jsonrpc":"2.0","id":1,"method":"go","params":{}}');
  const got = [await nextAnswer(listener), await nextAnswer(listener)];
  const late = got.find(({ method }) => method === "late");
  assertEquals(late?.params, { from: "leaver" });
  assertEquals(got.find(({ method }) => method === undefined)?.result, []);
  await live.server.logged("handler.log", (line) => line["message"] === "done");
  assertEquals(live.lines("handler.failed", "d.v1"), []);
});

Deno.test("testHandlers() says the same of what is published after the client left", async () => {
  let go = () => {};
  const module = (({ z, method }) => ({
    methods: {
      later: method({
        params: z.object({}),
        handle(_, ctx) {
          void new Promise<void>((resolve) => go = resolve).then(() => {
            ctx.publish("t", "late", { from: ctx.user.id });
            ctx.notify("nobody");
          });
        },
      }),
    },
  })) satisfies Handlers;
  const handlers = testHandlers(module);
  await handlers.call("later", {}, { user: "leaver" });
  await handlers.close(1001, { user: "leaver" });
  go();
  await until(() => handlers.events.length > 0, "the publication");
  assertEquals(handlers.events.map(({ type }) => type), ["publish"]);
});

for (const method of ["present", "wait"]) {
  Deno.test(`leaving during a call that waits is no failure: ${method}`, async () => {
    await using live = await Live.start({ "d.v1": MODULE });
    {
      using leaver = await join(live.server, { subprotocol: "d.v1", user: "leaver" });
      await leaver.text(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} }));
      await live.server.logged("handler.log", (line) => line["user"] === "leaver");
    }
    await live.server.logged("connection.closed", (line) => line["user"] === "leaver");
    // What the cell reports of the call comes before the answer to what it is asked afterwards.
    using other = await join(live.server, { subprotocol: "d.v1", user: "other" });
    for (let i = 0; i < 3; i++) assertEquals((await call(other, "ping", {})).result, "pong");
    assertEquals(live.lines("handler.failed", "d.v1"), []);
    assertEquals(live.server.log.filter(({ level }) => level === "error"), []);
  });
}
