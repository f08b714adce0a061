/** Patterns of topics: what they match, what they never match, and which overlap. */
import * as fc from "fast-check";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { isTopicName, TopicPattern } from "../../../lib/sandbox/author/topic_pattern.ts";
import { TopicTable } from "../../../lib/sandbox/author/topic_table.ts";

const matched = (pattern: string, name: string) => {
  const found = new TopicPattern(pattern).match(name);
  return found === null ? null : { ...found };
};

Deno.test("a placeholder stands for one segment, or a part of it", () => {
  assertEquals(matched("room:{room}", "room:lobby"), { room: "lobby" });
  assertEquals(matched("lot/{lot}/bids:{side}", "lot/7/bids:buy"), { lot: "7", side: "buy" });
  assertEquals(matched("user-{id}.inbox", "user-a.b-c.inbox"), { id: "a.b-c" });
  assertEquals(matched("news", "news"), {});
  assertEquals(matched("room:{room}", "room:Ünï 日本 😀"), { room: "Ünï 日本 😀" });
  assertEquals(matched("{all}", "constructor"), { all: "constructor" });
  assertEquals(matched("a.b*c+(d)|[e]^$?\\:{x}", "a.b*c+(d)|[e]^$?\\:y"), { x: "y" });
});

for (
  const [what, name] of [
    ["an empty segment", "room:"],
    ["a further segment", "room:a:b"],
    ["a further segment behind a slash", "room:a/b"],
    ["an empty further segment", "room:a:"],
    ["another case", "Room:a"],
    ["what stands before", "x room:a"],
    ["the pattern itself", "room:{room}"],
    ["an opening brace", "room:{"],
    ["a closing brace", "room:a}"],
    ["a line feed at the end", "room:a\n"],
    ["a line feed inside", "room:a\nb"],
    ["a zero byte", "room:a\u0000"],
    ["a delete character", "room:\u007f"],
    ["a C1 control character", "room:\u0085"],
    ["a lone surrogate", "room:\ud800"],
    ["a separator that is encoded", "room%3Aa"],
    ["a separator that looks alike", "room：a"],
    ["the empty name", ""],
  ] as const
) {
  Deno.test(`room:{room} does not match ${what}`, () => assertEquals(matched("room:{room}", name), null));
}

Deno.test("a name has at most 512 bytes of UTF-8", () => {
  assertEquals(matched("room:{room}", `room:${"a".repeat(507)}`) !== null, true);
  assertEquals(matched("room:{room}", `room:${"a".repeat(508)}`), null);
  assertEquals(matched("room:{room}", `room:${"é".repeat(253)}`) !== null, true);
  assertEquals(matched("room:{room}", `room:${"é".repeat(254)}`), null);
  assertEquals(matched("room:{room}", `room:${"a".repeat(10_000_000)}`), null);
});

for (
  const [pattern, problem] of [
    ["", "not empty"],
    ["a{", "braces only around"],
    ["a}", "braces only around"],
    ["{{a}}", "braces only around"],
    ["a\nb", "no control characters"],
    ["\ud800", "no control characters"],
    ["{}", "placeholder's name"],
    ["{a-b}", "placeholder's name"],
    ["{1}", "placeholder's name"],
    ["{a}:{a}", "each placeholder once"],
    ["{a}{b}", "one placeholder at most"],
    ["{a}-{b}", "one placeholder at most"],
    ["a".repeat(513), "at most 512 bytes"],
    [Array.from({ length: 17 }, (_, index) => `{p${index}}`).join(":"), "at most 16 placeholders"],
  ] as const
) {
  Deno.test(`${JSON.stringify(pattern.slice(0, 30))} is no pattern: ${problem}`, () => {
    assertThrows(() => new TopicPattern(pattern), TypeError, problem);
  });
}

for (
  const [one, other, overlap] of [
    ["room:{a}", "room:{b}", true],
    ["room:{a}", "room:lobby", true],
    ["room:{a}", "lot:{a}", false],
    ["room:{a}", "room:{a}:x", false],
    ["room:{a}", "room/{a}", false],
    ["{a}:x", "y:{b}", true],
    ["u-{a}", "{b}-u", true],
    ["u-{a}", "v-{b}", false],
    ["u-{a}-x", "u-{b}-y", false],
    ["u-{a}-x", "u--x", false],
    ["u-{a}-x", "u-1-x", true],
    ["news", "news", true],
    ["news", "News", false],
  ] as const
) {
  Deno.test(`${one} and ${other} ${overlap ? "overlap" : "do not overlap"}`, () => {
    assertEquals(new TopicPattern(one).overlaps(new TopicPattern(other)), overlap);
    assertEquals(new TopicPattern(other).overlaps(new TopicPattern(one)), overlap);
  });
}

const letters = fc.string({ unit: fc.constantFrom("a", "b", "-", "."), maxLength: 3 });
const placeholder = fc.constantFrom("{x}", "");
const segment = fc.tuple(letters, placeholder, letters).map((parts) => parts.join(""));
/** Patterns of one to three segments, whose placeholders have names of their own. */
const pattern = fc.array(fc.tuple(segment, fc.constantFrom(":", "/")), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map(([text, separator], index) => `${index === 0 ? "" : separator}${text}`).join(""))
  .map((text) => [...text.matchAll(/\{x\}/g)].reduce((made, _, index) => made.replace("{x}", `{p${index}}`), text))
  .filter((text) => text !== "");
const value = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
  .filter((text) => isTopicName(text) && !/[:/]/.test(text));

Deno.test("the values put in place of the placeholders come out again, and nothing else", () => {
  fc.assert(fc.property(pattern, fc.array(value, { minLength: 3, maxLength: 3 }), (text, values) => {
    const made = new TopicPattern(text);
    const name = made.placeholders.reduce((rest, one, index) => rest.replace(`{${one}}`, () => values[index]!), text);
    assertEquals({ ...made.match(name) }, Object.fromEntries(made.placeholders.map((one, i) => [one, values[i]!])));
  }));
});

Deno.test("a match is a name, and is the pattern with the values in it", () => {
  const near = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", ":", "/", "{", "}", "\n"), maxLength: 12 });
  fc.assert(
    fc.property(pattern, near, (text, name) => {
      const made = new TopicPattern(text);
      const found = made.match(name);
      if (found === null) return;
      assert(isTopicName(name));
      for (const one of Object.values(found)) assert(one !== "" && !/[:/]/.test(one), one);
      assertEquals(made.placeholders.reduce((rest, one) => rest.replace(`{${one}}`, () => found[one]!), text), name);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("two patterns that some name matches overlap", () => {
  const short = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", ":"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(pattern, pattern, short, (one, other, name) => {
      const [first, second] = [new TopicPattern(one), new TopicPattern(other)];
      if (first.match(name) !== null && second.match(name) !== null) assert(first.overlaps(second), name);
      assertEquals(first.overlaps(second), second.overlaps(first));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a table of topics finds the topic of a name and what its placeholders stand for, and none for a name that is invalid", () => {
  const table = new TopicTable([["room:{room}", "rooms"], ["news", "news"], ["lot/{lot}/bids", "bids"]]);
  assertEquals([table.size, new TopicTable([]).size, new TopicTable([]).of("news")], [3, 0, undefined]);
  assertEquals(["room:a", "news", "lot/7/bids"].map((name) => table.of(name)), ["rooms", "news", "bids"]);
  const found = table.find("lot/7/bids");
  assertEquals([found?.topic, { ...found?.params }], ["bids", { lot: "7" }]);
  for (const name of ["", "room:", "news ", "room:a\u0000", "room:{room}", "room:\ud800", `room:${"é".repeat(254)}`]) {
    assertEquals(table.find(name), undefined, JSON.stringify(name.slice(0, 20)));
  }
});
