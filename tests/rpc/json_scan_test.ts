/** Texts of the elements of a batch. */
import * as fc from "fast-check";
import { assertEquals } from "../assert.ts";
import { elementTexts } from "../../lib/rpc/json_scan.ts";

Deno.test("elementTexts() gives each element as it stands in the text", () => {
  const parts = [
    '{"a":[1,{"b":"],["}]}',
    "1e400",
    "-0",
    '"\\\\\\",]"',
    "[[],[]]",
    " null ",
    "\t12345678901234567890\n",
    '"ü😀"',
  ];
  assertEquals(elementTexts(` [${parts.join(",")}] `), parts);
  assertEquals(elementTexts("[1]"), ["1"]);
});

Deno.test("elementTexts() and JSON.parse() see the same elements", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(3), (values, indent) => {
    const text = JSON.stringify(values, null, indent);
    assertEquals(elementTexts(text).map((element) => JSON.parse(element)), JSON.parse(text));
  }));
});
