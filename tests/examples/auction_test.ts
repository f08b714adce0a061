/** The auction: by the kit, as a bundle in a real cell, and with mistakes that `deno check` has to find. */
import { join } from "node:path";
import auction from "../../examples/auction/auction.ts";
import { CallError, testHandlers } from "../../lib/mod.ts";
import { bundleHandler } from "../../tools/handler_bundle.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { Bench, FakeClient, settings, until } from "../sandbox/kit.ts";

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

const mistakes: [what: string, right: string, wrong: string, said: string][] = [
  ["a wrong event name", '"closed", { cents', '"close", { cents', '"closed"'],
  ["an event's data without a field", "{ cents, price: price(cents), winner }", "{ cents, winner }", "price"],
  ["a wrong topic", "publish(`lot:${name}`", "publish(`lots:${name}`", "lot:${string}"],
  ["a wrong error", 'ctx.fail("too_low"', 'ctx.fail("to_low"', '"too_low"'],
  ["wrong data of an error", "{ least_cents: least }", "{ least }", "least_cents"],
  ["an error of another method", 'ctx.fail("exists")', 'ctx.fail("closed")', '"exists"'],
  ["a wrong role of a method", 'roles: ["seller"],\n        handle', 'roles: ["sellers"],\n        handle', '"seller"'],
  ["a wrong role of a topic", 'presence: ["seller"]', 'presence: ["boss"]', '"boss"'],
  ["a result that lacks a field", "return { cents };", "return {};", "cents"],
];

Deno.test("deno check finds a wrong event, topic, error, role or result", async (t) => {
  const source = await Deno.readTextFile(join(ROOT, "examples/auction/auction.ts"));
  // Beside the example, where its imports lead somewhere.
  const folder = await Deno.makeTempDir({ dir: join(ROOT, "examples/auction"), prefix: "check-" });
  try {
    const named = source.replaceAll('"../../', '"../../../').replaceAll('"./', '"../');
    await Deno.writeTextFile(join(folder, "right.ts"), named);
    for (const [index, [what, right, wrong]] of mistakes.entries()) {
      if (!named.includes(right)) throw new Error(`The example has no ${right} any more, for ${what}`);
      await Deno.writeTextFile(join(folder, `wrong${index}.ts`), named.replace(right, wrong));
    }
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", folder],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const errors = new TextDecoder().decode(stderr).split(/^(?=TS\d+ )/m);
    const of = (file: string) => errors.filter((error) => error.includes(`/${file}:`)).join("\n");
    assertEquals(of("right.ts"), "");
    for (const [index, [what, , , said]] of mistakes.entries()) {
      await t.step(what, () => assertStringIncludes(of(`wrong${index}.ts`), said));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
