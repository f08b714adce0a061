/** The auction: by the kit, as a bundle in a real cell, and with mistakes that `deno check` has to find. */
import { join } from "node:path";
import auction from "../../examples/auction/auction.ts";
import { CallError, testHandlers } from "../../lib/mod.ts";
import { bundleHandler } from "../../tools/handler_bundle.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { Bench, FakeClient, settings } from "../helpers/sandbox.ts";
import { until } from "../helpers/until.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const seller = { user: "sam", roles: ["seller"], connection: "s" };
const ann = { user: "ann", roles: ["bidder"], connection: "a" };
const bob = { user: "bob", roles: ["bidder"], connection: "b" };

/** A backend that refuses as many times as it is told before it takes anything. */
class Backend implements AsyncDisposable {
  readonly taken: unknown[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #refusals: number;

  constructor(refusals = 0) {
    this.#refusals = refusals;
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      if (this.#refusals-- > 0) return new Response(null, { status: 503 });
      this.taken.push([request.method, new URL(request.url).pathname, await request.json()]);
      return new Response(null, { status: 204 });
    });
  }

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const OPENED = { lot: "clock", from_cents: 100_000, lasts_ms: 100 };
const CLOSED = { cents: 123_450, price: "€1,234.50", winner: "bob" };

Deno.test("an auction: bids, a timer that closes, and an outcome that the backend has in the end", async () => {
  await using backend = new Backend(2);
  Deno.env.set("AUCTION_BACKEND", `http://${backend.host}`);
  const sale = testHandlers(auction);
  await sale.call("lot.open", OPENED, seller);
  assertEquals(await sale.call("lot.bid", { lot: "clock", cents: 100_000 }, ann), { cents: 100_000 });
  assertEquals(await sale.call("lot.bid", { lot: "clock", cents: 123_450 }, bob), { cents: 123_450 });
  await until(() => backend.taken.length > 0, "the outcome at the backend");
  assertEquals(sale.events, [
    {
      type: "event",
      connection: "a",
      topic: "lot:clock",
      event: "bid",
      data: { cents: 100_000, price: "€1,000.00", by: "ann" },
    },
    {
      type: "event",
      connection: "b",
      topic: "lot:clock",
      event: "bid",
      data: { cents: 123_450, price: "€1,234.50", by: "bob" },
    },
    { type: "event", connection: "", topic: "lot:clock", event: "closed", data: CLOSED },
  ]);
  assertEquals(backend.taken, [["PUT", "/lots/clock", { lot: "clock", cents: 123_450, winner: "bob" }]]);
  const late = await assertRejects(() => sale.call("lot.bid", { lot: "clock", cents: 999_999 }, ann), CallError);
  assertEquals([late.code, late.data], [1003, undefined]);
});

Deno.test("an auction answers what a bid lacks, and refuses other roles", async () => {
  await using backend = new Backend();
  Deno.env.set("AUCTION_BACKEND", `http://${backend.host}`);
  const sale = testHandlers(auction);
  const refused = async (method: string, params: unknown, user: object) => {
    const { code, data } = await assertRejects(() => sale.call(method, params, user), CallError);
    return [code, data];
  };
  await sale.call("lot.open", OPENED, seller);
  assertEquals(await refused("lot.open", OPENED, seller), [1001, undefined]);
  assertEquals(await refused("lot.open", OPENED, ann), [-32003, undefined]);
  assertEquals(await refused("lot.bid", { lot: "clock", cents: 200_000 }, seller), [-32003, undefined]);
  assertEquals(await refused("lot.bid", { lot: "none", cents: 1 }, ann), [1003, undefined]);
  assertEquals(await refused("lot.bid", { lot: "clock", cents: 99_999 }, ann), [1002, { least_cents: 100_000 }]);
  await sale.call("lot.bid", { lot: "clock", cents: 100_000 }, ann);
  assertEquals(await refused("lot.bid", { lot: "clock", cents: 100_000 }, bob), [1002, { least_cents: 100_001 }]);
  assertEquals((await refused("lot.bid", { lot: "a:b", cents: 1 }, ann))[0], -32602);
  await until(() => backend.taken.length > 0, "the outcome at the backend");
});

Deno.test("the auction's bundle runs in a cell, with its package, its timer and its permissions", async () => {
  await using backend = new Backend();
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const bundle = join(folder, "auction.js");
    await bundleHandler(join(ROOT, "examples/auction/auction.ts"), bundle);
    const permissions = { net: [backend.host], env: ["AUCTION_BACKEND"] };
    const environment = { AUCTION_BACKEND: `http://${backend.host}` };
    await using bench = await Bench.start(settings(bundle, { permissions }), { environment });
    const sam = new FakeClient(bench.pool, { id: "sam", roles: ["seller"] });
    const bidder = new FakeClient(bench.pool, { id: "bob", roles: ["bidder"] });
    // Long enough for the bids on a slow machine.
    await sam.call("lot.open", { ...OPENED, lasts_ms: 3000 });
    assertEquals(await bidder.call("lot.bid", { lot: "clock", cents: 123_450 }), { result: { cents: 123_450 } });
    assertEquals(await bidder.call("lot.bid", { lot: "clock", cents: 1 }), {
      code: 1002,
      data: { least_cents: 123_451 },
    });
    await until(
      () => backend.taken.length > 0,
      () => `the outcome at the backend; log: ${JSON.stringify(bench.lines)}`,
    );
    assertEquals(backend.taken, [["PUT", "/lots/clock", { lot: "clock", cents: 123_450, winner: "bob" }]]);
    const events = bench.published.map(([, topic, message]) => [topic, (message as { params: unknown }).params]);
    assertEquals(events.at(-1), ["lot:clock", { topic: "lot:clock", event: "closed", data: CLOSED }]);
    assertEquals(events.length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Each in a place of its own, so that one file has them all. */
const mistakes: [what: string, right: string, wrong: string, said: RegExp][] = [
  ["a wrong event name", '"closed", { cents', '"close", { cents', /"close"' is not assignable to .*"closed"/],
  ["an event's data without a field", "cents, price: price(cents), by:", "cents, by:", /Property 'price' is missing/],
  [
    "a wrong topic",
    "lots.open(lot, from_cents);",
    'ctx.publish(`lots:${lot}`, "bid", null as never);',
    /lots:.* is not assignable to .*`lot:/,
  ],
  ["a wrong error", 'ctx.fail("closed")', 'ctx.fail("close")', /"close"' is not assignable to .*"too_low"/],
  ["wrong data of an error", "{ least_cents: least }", "{ least }", /'least' does not exist in type '{ least_cents/],
  [
    "an error of another method",
    'ctx.fail("exists")',
    'ctx.fail("too_low")',
    /"too_low"' is not assignable to .*"exists"/,
  ],
  ["a wrong role of a method", 'roles: ["bidder"],', 'roles: ["bider"],', /"bider"' is not assignable to type 'Roles'/],
  [
    "a wrong role of a topic",
    'presence: ["seller"]',
    'presence: ["boss"]',
    /"boss"' is not assignable to type 'Roles'/,
  ],
  [
    "a wrong result",
    "{ closes_at: new",
    "{ closed_at: new",
    /'{ closed_at: string; }' is not assignable to type '{ closes_at/,
  ],
];

/** The output of `deno check` for a text in the place of the example. */
async function check(source: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const moved = source.replaceAll('"../../', `"${ROOT}`).replaceAll('"./', `"${ROOT}examples/auction/`);
    await Deno.writeTextFile(join(folder, "auction.ts"), moved);
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--config", "deno.json", join(folder, "auction.ts")],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("deno check finds a wrong event, topic, error, role or result", async (t) => {
  const source = await Deno.readTextFile(join(ROOT, "examples/auction/auction.ts"));
  assertEquals(await check(source), "");
  const wrong = mistakes.reduce((text, [what, right, wrong]) => {
    if (!text.includes(right)) throw new Error(`The example has no ${right} any more, for ${what}`);
    return text.replace(right, wrong);
  }, source);
  const said = await check(wrong);
  for (const [what, , , expected] of mistakes) await t.step(what, () => assertMatch(said, expected));
});
