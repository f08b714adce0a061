/** The comparison of contracts. */
import { z } from "zod";
import { assert, assertEquals } from "../assert.ts";
import { compareContracts } from "../../lib/contract/compare.ts";
import { openRpc, openRpcOfAll } from "../../lib/contract/openrpc.ts";
import { type ReadContract, readOpenRpc } from "../../lib/contract/read_openrpc.ts";
import { asSent, contractOf } from "./kit.ts";
import { everything } from "./modules.ts";

async function read(module: unknown, subprotocol = "x.v1"): Promise<ReadContract> {
  const contract = readOpenRpc(asSent(openRpcOfAll([{ subprotocol, contract: await contractOf(module) }])));
  if ("problems" in contract) throw new Error(contract.problems.join("; "));
  return contract;
}

async function changes(old: unknown, current: unknown): Promise<string[]> {
  return compareContracts(await read(old), await read(current))
    .map(({ text, undecided }) => (undecided ? "? " : "") + text);
}

const handle = () => 1;
const text = z.string();
const bid = {
  params: z.object({ lot: text, cents: z.int() }),
  result: z.object({ highest: z.int() }),
  errors: { too_low: { code: 1001, message: "Too low", data: z.object({ highest: z.int() }) } },
  roles: ["user", "guest"],
  handle,
};
const lot = {
  params: z.object({ lot: text.max(64) }),
  roles: ["user", "guest"],
  publish: ["user"],
  presence: ["user"],
  events: { bid: z.object({ cents: z.int() }), closed: z.object({ winner: text }) },
};
const base = { methods: { bid, list: { params: z.object({}), handle } }, topics: { "lot:{lot}": lot } };
const withBid = (change: object) => ({ ...base, methods: { ...base.methods, bid: { ...bid, ...change } } });
const withLot = (change: object) => ({ ...base, topics: { "lot:{lot}": { ...lot, ...change } } });

const METHOD = 'method "bid" of "x.v1"';
const TOPIC = 'topic "lot:{lot}" of "x.v1"';

const breaking: [what: string, current: unknown, expected: string[]][] = [
  ["a method gone", { ...base, methods: { list: base.methods.list } }, [`${METHOD}: is gone`]],
  ["a method renamed", { ...base, methods: { list: base.methods.list, "lot.bid": bid } }, [`${METHOD}: is gone`]],
  ["the topics gone", { methods: base.methods }, [`${TOPIC}: is gone`]],
  ["an event gone", withLot({ events: { bid: lot.events.bid } }), [`${TOPIC}: event "closed" is gone`]],
  ["an error gone", withBid({ errors: undefined }), [`${METHOD}: error "too_low" (1001) is gone`]],
  ["another code", withBid({ errors: { too_low: { ...bid.errors.too_low, code: 1002 } } }), [
    `${METHOD}: error "too_low" (1001) is gone`,
  ]],
  ["an error without its data", withBid({ errors: { too_low: { code: 1001, message: "Too low" } } }), [
    `${METHOD}: error "too_low" (1001) has no data any more`,
  ]],
  [
    "wider data of an error",
    withBid({ errors: { too_low: { ...bid.errors.too_low, data: z.object({ highest: z.number() }) } } }),
    [`${METHOD}: data of error "too_low" (1001).highest: was integer, is number`],
  ],
  ["narrower params", withBid({ params: z.object({ lot: text.max(5), cents: z.int() }) }), [
    `${METHOD}: params.lot: maxLength was none, is 5`,
  ]],
  ["a parameter required", withBid({ params: bid.params.extend({ more: text }) }), [
    `${METHOD}: params.more: is required now`,
  ]],
  ["strict params", withBid({ params: z.strictObject(bid.params.shape) }), [
    `${METHOD}: params: properties that are not named are refused now`,
  ]],
  ["positions in place of names", withBid({ params: z.tuple([text, z.int()]) }), [
    `${METHOD}: params: was object, is array`,
  ]],
  ["a wider result", withBid({ result: z.object({ highest: z.int().nullable() }) }), [
    `${METHOD}: result.highest: null is new`,
  ]],
  ["no schema for the result", withBid({ result: undefined }), [`${METHOD}: result: was object, is anything`]],
  ["a role taken away", withBid({ roles: ["user"] }), [`${METHOD}: role "guest" may not call it any more`]],
  ["roles for a subscription taken away", withLot({ roles: ["guest"] }), [
    `${TOPIC}: role "user" may not subscribe any more`,
  ]],
  ["no publishing", withLot({ publish: undefined }), [`${TOPIC}: role "user" may not publish any more`]],
  ["no presence", withLot({ presence: ["admin"] }), [`${TOPIC}: role "user" may not read the presence any more`]],
  ["the module decides", withLot({ allow: () => true }), [`? ${TOPIC}: the module decides of each connection now`]],
  ["fewer topics", withLot({ params: z.object({ lot: text.max(9) }) }), [
    `${TOPIC}: params.lot: maxLength was 64, is 9`,
  ]],
  ["a wider event", withLot({ events: { ...lot.events, bid: z.object({ cents: z.number() }) } }), [
    `${TOPIC}: event "bid".cents: was integer, is number`,
  ]],
  [
    "an event that clients publish says more",
    withLot({ events: { ...lot.events, bid: z.object({ cents: z.int(), by: text }) } }),
    [
      `${TOPIC}: publishing "bid".by: is required now`,
    ],
  ],
];

for (const [what, current, expected] of breaking) {
  Deno.test(`compareContracts() names ${what}`, async () => assertEquals(await changes(base, current), expected));
}

const harmless: [what: string, current: unknown][] = [
  ["nothing", base],
  ["a new method", { ...base, methods: { ...base.methods, more: base.methods.list } }],
  ["a new topic", { ...base, topics: { ...base.topics, news: { events: { item: text } } } }],
  ["a new event", withLot({ events: { ...lot.events, opened: z.object({}) } })],
  ["a new error", withBid({ errors: { ...bid.errors, closed: { code: 1002, message: "Closed" } } })],
  ["another message and name of an error", withBid({ errors: { low: { ...bid.errors.too_low, message: "No" } } })],
  ["a role more", withBid({ roles: ["user", "guest", "admin"] })],
  ["no roles any more", withBid({ roles: undefined })],
  ["a description and a cost", withBid({ description: "Bids", cost: 5 })],
  ["wider params", withBid({ params: z.object({ lot: text, cents: z.number().optional(), note: text.optional() }) })],
  ["a result with more in it", withBid({ result: z.object({ highest: z.int().positive(), lot: text }) })],
  ["another name of the placeholder", {
    ...base,
    topics: { "lot:{id}": { ...lot, params: z.object({ id: text.max(64) }) } },
  }],
  ["more topics", withLot({ params: z.object({ lot: text.max(65) }), recheck: "5m" })],
  [
    "an error's data that says less",
    withBid({
      errors: { too_low: { ...bid.errors.too_low, data: z.object({ highest: z.int().positive() }) } },
    }),
  ],
];

for (const [what, current] of harmless) {
  Deno.test(`compareContracts() finds nothing in ${what}`, async () => assertEquals(await changes(base, current), []));
}

Deno.test("compareContracts() reads all that a contract can say", async () => {
  assertEquals(await changes(everything, everything), []);
});

Deno.test("compareContracts() names a module that is gone, raw or not", async () => {
  const contract = await contractOf({ methods: { m: base.methods.list } });
  const raw = await contractOf({ raw: { message() {} } });
  const document = (...modules: Parameters<typeof openRpcOfAll>[0]) => {
    const found = readOpenRpc(asSent(openRpcOfAll(modules)));
    assert(!("problems" in found));
    return found;
  };
  const old = document({ subprotocol: "a.v1", contract }, { subprotocol: "b.v1", contract }, {
    subprotocol: "raw.v1",
    contract: raw,
  });
  assertEquals(compareContracts(old, document({ subprotocol: "b.v1", contract })).map((change) => change.text), [
    'raw module "raw.v1": is gone',
    'method "m" of "a.v1": is gone',
  ]);
});

Deno.test("a document of rpc.discover, which names no subprotocol, is compared by names", async () => {
  const discovered = readOpenRpc(asSent(openRpc(await contractOf(base))));
  assert(!("problems" in discovered));
  assertEquals(compareContracts(discovered, await read(base)), []);
  assertEquals(compareContracts(discovered, await read(withBid({ roles: ["user"] }))).length, 1);
});

Deno.test("readOpenRpc() refuses what is no document of this program, and says where", () => {
  for (
    const [document, where] of [
      [null, ""],
      [[], ""],
      [{ openrpc: "2.0.0", methods: [] }, "openrpc"],
      [{ asyncapi: "3.0.0" }, "openrpc"],
      [{ openrpc: "1.4.1", methods: [{ name: "a" }] }, "methods.0.params"],
      [{ openrpc: "1.4.1", methods: [], "x-topics": { a: { events: 1 } } }, "x-topics.a.events"],
    ] as const
  ) {
    const read = readOpenRpc(document);
    assert("problems" in read, JSON.stringify(document));
    assert(read.problems[0]!.startsWith(`${where}:`), read.problems[0]);
  }
});
