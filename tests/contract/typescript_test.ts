/** The TypeScript types, as `deno check` and the client library take them. */
import { join } from "node:path";
import { z } from "zod";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { typesOfAll } from "../../lib/contract/typescript.ts";
import { contractOf } from "./kit.ts";
import { everything } from "./modules.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The output of `deno check` for a file beside the types. */
async function check(types: string, use: string): Promise<{ ok: boolean; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "contract.ts"), types);
    await Deno.writeTextFile(join(folder, "use.ts"), use.replaceAll("CLIENT", join(ROOT, "client/mod.ts")));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--no-lock", "--config", join(ROOT, "deno.json"), join(folder, "use.ts")],
      env: { NO_COLOR: "1" },
    }).output();
    return { ok: success, said: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the client knows methods, parameters, results, errors, topics and events by the types", async () => {
  const types = typesOfAll([
    { subprotocol: "x.v1", contract: await contractOf(everything) },
    { subprotocol: "raw.v1", contract: await contractOf({ raw: { message() {} } }) },
  ]);
  const use = `
import { createClient } from "CLIENT";
import type { Contract, Contracts, Price } from "./contract.ts";

const client = createClient<Contract>("wss://example.com/ws", { subprotocol: "x.v1" });
const price: Price = { cents: 5, currency: "EUR" };
const { highest, others, tree } = await client.call("lot.bid", { lot: "a", price });
const cents: number = highest.cents + others.length;
const name: string | undefined = tree?.children[0]?.name;
await client.call("lot.bid", { lot: "a", price, note: "now" });
const sum: number = await client.call("sum", [1]) + await client.call("sum", [1, 2]);
await client.call("tagged", { kind: "b", y: null });
const lots: Record<string, Price> = await client.call("lot.list", {});
const low: Contracts["x.v1"]["methods"]["lot.bid"]["errors"]["too_low"] = { code: 1001, data: { highest: price } };

await using lot = client.subscribe("lot:a");
lot.on("bid", ({ price, at }) => price.cents + at.length);
for await (const { event, data } of lot) {
  if (event === "closed") data.winner?.length;
}
client.subscribe("tree/1/of-ann").on("grown", ({ children }) => children[0]?.name);
client.subscribe("news").on("item", (text) => text.length);

// @ts-expect-error no such method
client.call("lot.bids", { lot: "a", price });
// @ts-expect-error a parameter is missing
client.call("lot.bid", { lot: "a" });
// @ts-expect-error a parameter of the wrong type
client.call("lot.bid", { lot: 1, price });
// @ts-expect-error no such parameter
client.call("lot.bid", { lot: "a", price, more: true });
// @ts-expect-error not the result's type
const wrong: string = (await client.call("lot.bid", { lot: "a", price })).highest.cents;
// @ts-expect-error y belongs to kind b
client.call("tagged", { kind: "a", y: 1 });
// @ts-expect-error no such event on that topic
lot.on("grown", () => {});
// @ts-expect-error an event has no such field
lot.on("bid", ({ secret }) => secret);
// @ts-expect-error another code
const high: Contracts["x.v1"]["methods"]["lot.bid"]["errors"]["too_low"] = { code: 1002, data: { highest: price } };
console.log(cents, name, sum, lots, low, wrong, high);
`;
  const { ok, said } = await check(types, use);
  assert(ok, said);
});

Deno.test("the types of several modules are told apart, and topics may overlap in the eyes of TypeScript", async () => {
  const event = (data: z.ZodType) => ({ params: z.object({ a: z.string() }), events: { e: data } });
  const methods = { m: { params: z.object({}), handle: () => 1 } };
  const types = typesOfAll([
    { subprotocol: "x.v1", contract: await contractOf(everything) },
    {
      subprotocol: 'it\'s "odd" \\v1',
      contract: await contractOf({
        methods,
        topics: {
          "r:{a}": event(z.string()),
          "r:{a}:x": event(z.number()),
          "r:a:y": { events: { e: z.boolean() } },
          "d$/{a}": event(z.null()),
        },
      }),
    },
    { subprotocol: "plain.v1", contract: await contractOf({ methods }) },
  ]);
  const use = `
import { createClient } from "CLIENT";
import type { Contract } from "./contract.ts";
const client = createClient<Contract<${JSON.stringify('it\'s "odd" \\v1')}>>("wss://a/ws", { subprotocol: "x" });
client.subscribe("r:1").on("e", (text) => text.length);
client.subscribe("d$/1").on("e", (nothing: null) => nothing);
const plain = createClient<Contract<"plain.v1">>("wss://a/ws", { subprotocol: "plain.v1" });
await plain.call("m", {});
// @ts-expect-error a method of another module
await plain.call("lot.bid", {} as never);
`;
  const { ok, said } = await check(types, use);
  assert(ok, said);
});

Deno.test("no description or value breaks out of its place in the types", async () => {
  const nasty = '*/ } declare const x: 1; /* \n */ "`${y}` \u2028 \\';
  const types = typesOfAll([{
    subprotocol: nasty,
    contract: await contractOf({
      methods: {
        m: {
          description: nasty,
          params: z.object({ [nasty]: z.literal(nasty).describe(nasty), __proto__: z.string() }),
          result: z.enum([nasty, "b"]).meta({ id: nasty, description: nasty }),
          errors: { e: { code: 1, message: nasty, data: z.literal(nasty) } },
          handle: () => nasty,
        },
      },
      topics: { "a$`\\{x}`": { params: z.object({ x: z.string() }), events: { e: z.string().describe(nasty) } } },
    }),
  }]);
  const use = `
import type { Contracts } from "./contract.ts";
type Only = Contracts[${JSON.stringify(nasty)}];
const methods: keyof Only["methods"] = "m";
const result: Only["methods"]["m"]["result"] = ${JSON.stringify(nasty)};
// @ts-expect-error nothing was declared beside it
x;
console.log(methods, result);
`;
  const { ok, said } = await check(types, use);
  assert(ok, said);
  assertStringIncludes(types, "*\\/");
});

Deno.test("a schema is written as its type", async () => {
  const cases: [z.ZodType, string][] = [
    [z.string().min(3).email(), "string"],
    [z.int(), "number"],
    [z.boolean().nullable(), "boolean | null"],
    [z.array(z.union([z.string(), z.number()])), "(string | number)[]"],
    [z.array(z.enum(["a", "b"])), '("a" | "b")[]'],
    [z.array(z.array(z.literal(1))), "1[][]"],
    [z.tuple([z.string()]).rest(z.union([z.number(), z.null()])), "[string, ...(number | null)[]]"],
    [z.record(z.string(), z.number()), "Record<string, number>"],
    [z.record(z.enum(["a", "b"]), z.number()), 'Record<"a" | "b", number>'],
    [z.partialRecord(z.enum(["a", "b"]), z.number()), 'Partial<Record<"a" | "b", number>>'],
    [z.literal(["a", 1, null]), '"a" | 1 | null'],
    [z.never(), "never"],
    [z.unknown(), "unknown"],
    [z.date(), "unknown"],
    [z.strictObject({}), "Record<string, never>"],
    [z.looseObject({}), "Record<string, unknown>"],
    [z.intersection(z.union([z.string(), z.number()]), z.string()), "(string | number) & string"],
  ];
  for (const [schema, expected] of cases) {
    const contract = await contractOf({ methods: { m: { params: z.object({}), result: schema, handle: () => 1 } } });
    const [, found] = /result: (.*);\n/.exec(typesOfAll([{ subprotocol: "a", contract }]))!;
    assertEquals(found, expected);
  }
});
