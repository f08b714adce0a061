/** A module's lines in the log: bounded, and never in the way of another module's. */
import { assert, assertEquals, assertLess } from "../assert.ts";
import { call, join } from "../helpers/client.ts";
import { Live } from "../helpers/module_server.ts";

const FLOOD = `export default ({ z }) => ({
  methods: {
    flood: {
      params: z.object({ seconds: z.number() }),
      async handle({ seconds }, ctx) {
        for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
          for (let i = 0; i < 200; i++) ctx.log("flood", { i });
          for (let i = 0; i < 200; i++) console.log("flood");
          await new Promise((done) => setTimeout(done, 1));
        }
        return "done";
      },
    },
    fail: { params: z.object({}), handle() { throw new Error("flood"); } },
    reject: { params: z.object({}), handle: () => Promise.reject(new Error("flood")) },
  },
});`;
const HONEST = `export default ({ z }) => ({
  methods: {
    say: { params: z.object({ n: z.int() }), handle({ n }, ctx) { ctx.log("honest", { n }); return n; } },
    fail: { params: z.object({ n: z.int() }), handle({ n }) { throw new Error("honest " + n); } },
  },
});`;

/** Lines of a module that a second may bring, whatever it does. */
const MOST_A_SECOND = 400;
const SECONDS = 3;

Deno.test("a flood of log lines of one module is cut, told, and leaves another module's lines alone", async () => {
  await using live = await Live.start({ "flood.v1": FLOOD, "honest.v1": HONEST });
  using flooder = await join(live.server, { subprotocol: "flood.v1", user: "flooder" });
  using honest = await join(live.server, { subprotocol: "honest.v1", user: "honest" });
  await flooder.text(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "flood", params: { seconds: SECONDS } }));
  await live.server.logged("handler.log", (line) => line["module"] === "flood.v1");
  let over = false;
  const flooded = flooder.nextText(60_000).then(() => over = true);
  let said = 0;
  while (!over) {
    assertEquals((await call(honest, "say", { n: said })).result, said);
    said++;
    await new Promise((next) => setTimeout(next, 200));
  }
  await flooded;
  await live.server.logged("handler.log", (line) => line["module"] === "honest.v1" && numberIn(line) === said - 1);
  assertEquals(live.lines("handler.log", "honest.v1").map(numberIn), Array.from({ length: said }, (_, n) => n));
  const flood = live.lines("handler.log", "flood.v1");
  assertLess(flood.length, MOST_A_SECOND * (SECONDS + 1));
  assert(live.server.log.some((line) => line["suppressed"] !== undefined), "what was left out is counted");
});

Deno.test("a flood of failures of one module leaves another module's failures in the log", async () => {
  await using live = await Live.start({ "flood.v1": FLOOD, "honest.v1": HONEST });
  using flooder = await join(live.server, { subprotocol: "flood.v1", user: "flooder" });
  using honest = await join(live.server, { subprotocol: "honest.v1", user: "honest" });
  for (let round = 0; round < 20; round++) {
    const methods = ["fail", "reject"];
    for (let i = 0; i < 20; i++) {
      await flooder.text(JSON.stringify({ jsonrpc: "2.0", id: i, method: methods[i % 2], params: {} }));
    }
    for (let i = 0; i < 20; i++) assertEquals(JSON.parse(await flooder.nextText()).error.code, -32603);
  }
  const { error } = await call(honest, "fail", { n: 7 });
  const line = await live.server.logged("handler.failed", (line) => line["ref"] === error?.data?.["ref"]);
  assertEquals([line["module"], line["user"]], ["honest.v1", "honest"]);
});

function numberIn(line: Record<string, unknown>): unknown {
  return (line["fields"] as { n?: unknown } | undefined)?.n ?? line["n"];
}
