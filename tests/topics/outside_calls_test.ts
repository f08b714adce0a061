/** Output of a module on a real server: declared errors, and events of timers; only what their schemas name. */
import { assert, assertEquals } from "../assert.ts";
import { type Answer, call, join, nextAnswer } from "../helpers/client.ts";
import { until } from "../helpers/until.ts";
import { Live } from "../helpers/module_server.ts";

const MODULE = `export default ({ z, topic, publish, log }) => {
  let number = 0;
  let kept;
  let timer;
  const tick = () => {
    publish("ticks:all", "tick", { number: "none", secret: "s3cr3t" });
    publish("ticks:all", "tick", { number: ++number, secret: "s3cr3t" });
  };
  return {
    topics: { "ticks:{name}": topic({ params: z.object({ name: z.string() }), events: { tick: z.object({ number: z.int() }) } }) },
    methods: {
      bid: {
        params: z.object({ cents: z.int() }),
        result: z.object({ cents: z.int() }),
        errors: {
          low: { code: 1001, message: "Bid \\"too\\" low", data: z.object({ highest: z.int() }) },
          over: { code: -31999, message: "Over" },
        },
        handle({ cents }, ctx) {
          if (cents === 0) throw ctx.fail("over");
          if (cents < 5) throw ctx.fail("low", { highest: cents === 4 ? "none" : 5, secret: "s3cr3t" });
          return { cents, secret: "s3cr3t" };
        },
      },
      other: { params: z.object({}), handle: (_, ctx) => { throw ctx.fail("low", { highest: 1 }); } },
      keep: {
        params: z.object({}),
        errors: { first: { code: 1, message: "First" }, second: { code: 2, message: "Second" } },
        handle(_, ctx) { kept = ctx.fail("second"); return true; },
      },
      rethrow: {
        params: z.object({}),
        errors: { own: { code: 3, message: "Own" } },
        handle() { throw kept; },
      },
      follow: { params: z.object({}), handle(_, ctx) { ctx.subscribe("ticks:all"); return true; } },
      start: {
        params: z.object({}),
        handle() { log("begins", { by: "timer" }); timer ??= setInterval(tick, 5); return true; },
      },
    },
  };
};`;

Deno.test("a declared error is answered with its code, message and data, and nothing else leaves", async () => {
  await using live = await Live.start({ "lots.v1": MODULE });
  using client = await join(live.server, { subprotocol: "lots.v1" });
  const error = async (method: string, params: unknown) => (await call(client, method, params)).error;
  assertEquals(await error("bid", { cents: 1 }), { code: 1001, message: 'Bid "too" low', data: { highest: 5 } });
  assertEquals(await error("bid", { cents: 0 }), { code: -31999, message: "Over" });
  assertEquals((await call(client, "bid", { cents: 9 })).result, { cents: 9 });
  for (const [method, params] of [["bid", { cents: 4 }], ["other", {}]] as const) {
    const failed = await error(method, params);
    assertEquals([failed?.code, failed?.message], [-32603, "Internal error"], method);
    const line = await live.server.logged("handler.failed", ({ ref }) => ref === failed?.data?.["ref"]);
    assertEquals(line["method"], method);
  }
  await call(client, "keep", {});
  assertEquals((await error("rethrow", {}))?.code, -32603, "an error belongs to the method that declares it");
  assertEquals(live.lines("handler.restarted", "lots.v1"), []);
  const rejected = live.server.log.filter(({ event, method }) => event === "message.rejected" && method === "bid");
  assertEquals(rejected.map(({ reason }) => reason), ["internal"], "a declared error is no rejection");
});

Deno.test("a timer's events reach subscribers, without what their schema does not name, and a misfit ends nothing", async () => {
  await using live = await Live.start({ "lots.v1": MODULE });
  using client = await join(live.server, { subprotocol: "lots.v1" });
  await call(client, "follow", {});
  await client.text('{"jsonrpc":"2.0","id":1,"method":"start","params":{}}');
  const events: Answer[] = [];
  while (events.length < 3) {
    const answer = await nextAnswer(client);
    if (answer.method !== undefined) events.push(answer);
    else assertEquals(answer.result, true);
  }
  const expected = [1, 2, 3].map((number) => ({
    jsonrpc: "2.0",
    method: "topic.event",
    params: { topic: "ticks:all", event: "tick", data: { number } },
  }));
  assertEquals(events, expected as Answer[]);
  // Log lines come by another way than answers.
  const logged = () =>
    live.lines("handler.failed", "lots.v1").length >= 3 && live.lines("handler.log", "lots.v1").length > 0;
  await until(logged, "the lines of three misfits and of the timer's beginning");
  const failed = live.lines("handler.failed", "lots.v1");
  assert(failed.every(({ method, error }) => method === "publish" && /tick/.test(String(error))));
  assertEquals(live.lines("handler.log", "lots.v1").map(({ message, conn }) => [message, conn]), [[
    "begins",
    undefined,
  ]]);
});
