import { isToken, listElements, listHas, trimBlanks } from "../../lib/admission/field.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("trimBlanks() removes spaces and tabs only, not the spaces of Unicode", () => {
  assertEquals(trimBlanks(" \t a b\t "), "a b");
  assertEquals([trimBlanks(""), trimBlanks(" \t")], ["", ""]);
  for (const space of ["\u00a0", "\u2003", "\ufeff", "\n", "\r", "\v"]) {
    assertEquals(trimBlanks(`${space}a`), `${space}a`);
  }
});

Deno.test("listElements() gives every element, empty ones included", () => {
  assertEquals(listElements("a, b ,,c"), ["a", "b", "", "c"]);
  assertEquals(listElements(""), [""]);
});

Deno.test("listHas() finds a whole element in any case, and no part of one", () => {
  assert(listHas("keep-alive, UPGRADE", "upgrade"));
  for (const field of [null, "", "upgraded", "up grade", "upgrade;q=1", "\u00a0upgrade"]) {
    assert(!listHas(field, "upgrade"));
  }
});

Deno.test("isToken() takes the characters of RFC 9110 section 5.6.2 and no others", () => {
  const token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    assertEquals(isToken(character), token.includes(character), JSON.stringify(character));
    assertEquals(isToken(`a${character}b`), token.includes(character), JSON.stringify(character));
  }
  assert(!isToken(""));
});

Deno.test("fields of a megabyte are read in linear time", () => {
  const started = performance.now();
  const blanks = " ".repeat(500_000);
  assertEquals(trimBlanks(`${blanks}a${blanks}`), "a");
  assertEquals(listElements(",".repeat(1_000_000)).length, 1_000_001);
  assert(!listHas("a ,".repeat(300_000), "upgrade"));
  assert(performance.now() - started < 20_000, "quadratic time would take minutes");
});
