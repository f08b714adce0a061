/** The AsyncAPI document. */
import asyncApiSpecs from "@asyncapi/specs";
import { Ajv } from "ajv";
import { assert, assertEquals } from "../assert.ts";
import chat from "../../examples/chat/chat.ts";
import { asyncApiOfAll } from "../../lib/contract/asyncapi.ts";
import { asSent, contractOf } from "./kit.ts";
import { everything } from "./modules.ts";

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const validate = ajv.compile(
  (asyncApiSpecs as { schemasWithoutId: Record<string, object> }).schemasWithoutId["3.0.0"]!,
);

function problemsOf(document: unknown): string[] {
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

type Json = Record<string, unknown>;
/** Follows a reference of the document. */
function at(document: Json, reference: string): Json {
  return reference.slice(2).split("/").reduce((value, key) => value[key] as Json, document);
}

async function documentOf(...modules: unknown[]): Promise<Json> {
  const contracts = await Promise.all(modules.map(contractOf));
  return asSent<Json>(
    asyncApiOfAll(contracts.map((contract, index) => ({ subprotocol: `x.v${index + 1}`, contract })), {
      server: { host: "localhost:8443", path: "/ws", tls: true },
    }),
  );
}

Deno.test("asyncApiOfAll() keeps to the schema of AsyncAPI 3.0", async () => {
  const wrong = { asyncapi: "3.0.0", info: { title: "t", version: "1" }, operations: { a: { action: "shout" } } };
  assert(problemsOf(wrong).length > 0, "the schema refuses something");
  assertEquals(problemsOf(await documentOf(chat)), []);
  assertEquals(problemsOf(await documentOf(everything, everything, { raw: { message() {} } })), []);
});

Deno.test("each reference of the AsyncAPI document leads somewhere", async () => {
  const document = await documentOf(everything, chat);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, reference]) => reference!);
  assert(references.length > 30, `${references.length} references`);
  for (const reference of references) assert(at(document, reference) !== undefined, reference);
});

Deno.test("a topic is a channel at its pattern: the server sends its events, and takes those that clients may publish", async () => {
  const document = await documentOf(everything);
  const channels = document["channels"] as Record<string, Json>;
  const [key, lot] = Object.entries(channels).find(([, { address }]) => address === "lot:{lot}")!;
  assertEquals((lot["parameters"] as Record<string, Json>)["lot"]?.["enum"], ["a", "b"]);
  const operations = Object.values(document["operations"] as Record<string, Json>);
  const own = operations.filter(({ channel }) => (channel as Json)["$ref"] === `#/channels/${key}`);
  assertEquals(own.map(({ action }) => action), ["send", "receive"]);
  const names = own.map(({ messages }) =>
    (messages as { $ref: string }[]).map(({ $ref }) => at(document, $ref)["name"])
  );
  assertEquals(names, [["bid", "closed"], ["bid publish", "closed publish"]]);
});

Deno.test("the payloads are the frames on the wire", async () => {
  const document = await documentOf(everything);
  const operation = (document["operations"] as Record<string, Json>)["x.v1.lot.bid"]!;
  const frame = (reference: { $ref: string }) => {
    const inner = new Ajv({ strict: false, validateFormats: false });
    inner.addSchema({ $id: "document", ...document });
    const check = inner.compile({ $ref: `document${reference.$ref}/payload` });
    return (value: unknown) => check(value) as boolean;
  };
  const [request] = operation["messages"] as { $ref: string }[];
  const replies = (operation["reply"] as Json)["messages"] as { $ref: string }[];
  const price = { cents: 5, currency: "EUR" };
  const call = { jsonrpc: "2.0", id: 1, method: "lot.bid", params: { lot: "a", price } };
  assertEquals(frame(request!)(call), true);
  assertEquals(frame(request!)({ ...call, params: { lot: "", price } }), false);
  const takers = (value: unknown) =>
    replies.filter((one) => frame(one)(value)).map(({ $ref }) => at(document, $ref)["name"]);
  assertEquals(takers({ jsonrpc: "2.0", id: 1, result: { highest: price, others: [] } }), ["lot.bid result"]);
  const low = { code: 1001, message: "Bid too low", data: { highest: price } };
  assertEquals(takers({ jsonrpc: "2.0", id: 1, error: low }), ["lot.bid too_low"]);
  assertEquals(takers({ jsonrpc: "2.0", id: 1, error: { code: -32003, message: "Forbidden" } }), ["lot.bid error"]);
});
