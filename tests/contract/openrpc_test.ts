/** The OpenRPC document. */
import * as jsonSchema from "@json-schema-tools/meta-schema";
import openRpcSchema from "@open-rpc/spec/schema" with { type: "json" };
import { Ajv } from "ajv";
import { z } from "zod";
import { assert, assertEquals } from "../assert.ts";
import chat from "../../examples/chat/chat.ts";
import { openRpc, openRpcOfAll } from "../../lib/contract/openrpc.ts";
import { asSent, contractOf } from "./kit.ts";
import { everything } from "./modules.ts";

/** A check against the official schema of OpenRPC 1.4, which refers to one of JSON Schema by its address. */
function openRpcProblems(): (document: unknown) => string[] {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  // A CommonJS module whose schema is `exports.default`, whatever its types say.
  const { $schema: _json, ...schema } =
    (jsonSchema as unknown as { default: { default: Record<string, unknown> } }).default.default;
  ajv.addSchema(schema);
  // It is referred to without the slash that its own `$id` ends in.
  const id = String(schema["$id"]);
  ajv.addSchema({ $ref: id }, id.replace(/\/$/, ""));
  // Its `$schema` is one that Ajv does not know.
  const { $schema: _rpc, ...metaSchema } = openRpcSchema as Record<string, unknown>;
  const validate = ajv.compile(metaSchema);
  return (document) => {
    validate(document);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

Deno.test("openRpc() and openRpcOfAll() keep to the schema of OpenRPC 1.4", async () => {
  const problemsOf = openRpcProblems();
  for (const wrong of [{ openrpc: "1.3.2", methods: [] }, { openrpc: "1.4.1", methods: [{ name: "a" }] }]) {
    assert(problemsOf({ info: { title: "t", version: "1" }, ...wrong }).length > 0, JSON.stringify(wrong));
  }
  for (const module of [chat, everything]) {
    const contract = await contractOf(module);
    assertEquals(problemsOf(asSent(openRpc(contract))), []);
    const both = openRpcOfAll([{ subprotocol: "x.v1", contract }, { subprotocol: "x.v2", contract }]);
    assertEquals(problemsOf(asSent(both)), []);
  }
});

Deno.test("openRpc() describes methods with parameters, roles, cost and errors", async () => {
  const document = openRpc(await contractOf(everything));
  const [bid, list, sum, tagged] = document.methods;
  assertEquals(bid!["paramStructure"], "by-name");
  assertEquals(
    (bid!["params"] as { name: string; required: boolean }[]).map(({ name, required }) => [name, required]),
    [
      ["lot", true],
      ["price", true],
      ["note", false],
    ],
  );
  assertEquals(bid!["x-params"], { additionalProperties: false });
  assertEquals([bid!["description"], bid!["x-roles"], bid!["x-cost"]], ["Bids */ on a lot", ["user"], 3]);
  assertEquals(bid!["examples"], [{
    name: "example 1",
    params: [{ name: "lot", value: "a" }, { name: "price", value: { cents: 5, currency: "EUR" } }],
  }]);
  const errors = bid!["errors"] as { code: number; message: string; data?: Record<string, unknown> }[];
  assertEquals(errors.slice(-2).map(({ code, message }) => [code, message]), [[1001, "Bid too low"], [
    1002,
    "Lot is closed",
  ]]);
  assertEquals(errors.at(-2)!.data?.["type"], "object");
  assertEquals(errors.at(-1)!.data, undefined);
  assert(errors.some(({ code }) => code === -32003), "a method with roles can answer Forbidden");
  assertEquals(bid!["x-errors"], { too_low: 1001, closed: 1002 });
  assertEquals([list!["x-public"], list!["x-roles"]], [true, undefined]);
  assertEquals(sum!["paramStructure"], "by-position");
  assertEquals((sum!["params"] as { required: boolean }[]).map(({ required }) => required), [true, false]);
  assertEquals((tagged!["params"] as unknown[]).length, 1);
});

Deno.test("openRpc() describes topics with their events, and what clients may send", async () => {
  const topics = openRpc(await contractOf(everything))["x-topics"] as Record<string, Record<string, unknown>>;
  assertEquals(Object.keys(topics), ["lot:{lot}", "tree/{id}/of-{owner}", "news"]);
  const lot = topics["lot:{lot}"]!;
  assertEquals([lot["roles"], lot["allow"], lot["recheck_ms"]], [["user", "guest"], true, 300_000]);
  assertEquals([lot["publish"], lot["presence"]], [["user"], ["admin"]]);
  assertEquals(Object.keys(lot["events"] as object), ["bid", "closed"]);
  assertEquals(Object.keys(lot["inputs"] as object), ["bid", "closed"]);
});

Deno.test("each reference of a document is to one of its own schemas", async () => {
  const contract = await contractOf(everything);
  const document = asSent(openRpcOfAll([{ subprotocol: "x.v1", contract }, { subprotocol: "x:v1", contract }]));
  const { schemas } = document["components"] as { schemas: Record<string, unknown> };
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  assert(references.length > 10, `${references.length} references`);
  for (const [, name] of references) assert(Object.hasOwn(schemas, name!), name);
  assertEquals(JSON.stringify(document).match(/#\/definitions/), null);
});

Deno.test("definitions whose names look alike do not take each other's place", async () => {
  const method = (inner: z.ZodType) => ({ params: z.object({ q: inner }), handle: () => 1 });
  const contract = await contractOf({
    methods: {
      "a_b": method(z.string().meta({ id: "x/y" })),
      "a:b": method(z.number().meta({ id: "x~y" })),
      "a.b": method(z.boolean().meta({ id: "x y" })),
    },
  });
  const document = openRpc(contract);
  const { schemas } = document["components"] as { schemas: Record<string, Record<string, unknown>> };
  const types = document.methods.map(({ params }) => {
    const { $ref } = (params as { schema: { $ref: string } }[])[0]!.schema;
    return schemas[$ref.replace("#/components/schemas/", "")]?.["type"];
  });
  assertEquals(types, ["string", "number", "boolean"]);
});

Deno.test("openRpc() leaves out what the caller may neither call nor follow", async () => {
  const contract = await contractOf(everything);
  const shown = (roles: string[]) => {
    const document = openRpc(contract, { roles });
    return [document.methods.map(({ name }) => name), Object.keys(document["x-topics"] as object)];
  };
  assertEquals(shown([]), [["lot.list", "sum", "tagged", "tree"], ["news"]]);
  assertEquals(shown(["user"]), [["lot.bid", "lot.list", "sum", "tagged", "tree"], ["lot:{lot}", "news"]]);
  assertEquals(shown(["admin"])[0]!.at(-1), "admin.only");
});

Deno.test("openRpcOfAll() keeps names and patterns unique and lists raw modules", async () => {
  const contract = await contractOf(everything);
  const document = openRpcOfAll([
    { subprotocol: "x.v1", contract },
    { subprotocol: "x.v2", contract },
    { subprotocol: "raw.v1", contract: await contractOf({ raw: { message() {} } }) },
  ]);
  const names = document.methods.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  const second = document.methods.find(({ name }) => name === "x.v2:lot.bid");
  assertEquals([second?.["x-method"], second?.["x-subprotocol"]], ["lot.bid", "x.v2"]);
  const topic = (document["x-topics"] as Record<string, Record<string, unknown>>)["x.v2:news"];
  assertEquals([topic?.["pattern"], topic?.["subprotocol"]], ["news", "x.v2"]);
  assertEquals(document["x-raw-subprotocols"], ["raw.v1"]);
});
