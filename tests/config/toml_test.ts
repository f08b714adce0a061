import * as fc from "fast-check";
import { parseToml, TomlError } from "../../lib/config/toml.ts";
import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "../assert.ts";

Deno.test("parseToml() reads what a configuration is written in", () => {
  const cases: [string, unknown][] = [
    ["", {}],
    ["\uFEFFa = 1", { a: 1 }],
    ["a = 1\r\n[x]\r\nb = 2 # c\r\n", { a: 1, x: { b: 2 } }],
    ["# c\nx = 'a'#\n'b'=1", { x: "a", b: 1 }],
    ["[a]\nb=1\n[a.c]\nd=1\n", { a: { b: 1, c: { d: 1 } } }],
    ["a.b=1\na.c=2", { a: { b: 1, c: 2 } }],
    ["[[h]]\nx=1\n[[h]]\nx=2\n[h.p]\ny=1\n[[h]]\n[h.p]\ny=2", {
      h: [{ x: 1 }, { x: 2, p: { y: 1 } }, { p: { y: 2 } }],
    }],
    ["a = [{x=1},{x=1, y = [1, 2, # c ]\n 3]}]\nb=1", { a: [{ x: 1 }, { x: 1, y: [1, 2, 3] }], b: 1 }],
    ['a = """x\n"y" = 1 \\""""\nb=1', { a: 'x\n"y" = 1 "', b: 1 }],
    ["a='''\n'x' \n'''\n[b]\na=1", { a: "'x' \n", b: { a: 1 } }],
    ['[limits.types."chat.send"]\nrate = 5', { limits: { types: { "chat.send": { rate: 5 } } } }],
    ["a = 0x10\nb = 1_000\nc = +1.5e3\nd = [ ]\ne = {}", { a: 16, b: 1000, c: 1500, d: [], e: {} }],
  ];
  for (const [text, expected] of cases) assertEquals(JSON.parse(JSON.stringify(parseToml(text))), expected, text);
});

Deno.test("parseToml() rejects what is not TOML, with the line", () => {
  const cases: [string, number, string][] = [
    ["a = 1\n[x]\nb = \n", 3, "Cannot parse value on line 'b = '"],
    ["a = 1\nb = 2\n[server", 3, "Not closed"],
    ['a = 1\nb = "\\q"', 2, "Invalid escape sequence"],
    ["# c\nx = 'a\n'", 2, "Single-line string cannot contain EOL"],
    ["\n\na", 3, "key/value pair"],
  ];
  for (const [text, line, message] of cases) rejects(text, line, message);
});

Deno.test("parseToml() rejects keys that the parser would drop or overwrite", () => {
  const cases: [string, number, string][] = [
    ["a=1\na=2", 2, "gives a a second time"],
    ["[t]\na=1\n\n# x\n'a'=2", 5, "gives a a second time"],
    ["a.b = 1\na.b = 2", 2, "gives a.b a second time"],
    ["a=1\na.b=2", 2, "gives a.b a second time"],
    ["a = { b = 1 }\na.c=1", 2, "gives a.c a second time"],
    ["a={x=1,x=2}", 1, "gives x a second time"],
    ['a=[\n{x=1},\n{x=1,"x"=2}]', 3, "gives x a second time"],
    ["[[h]]\nx=1\nx=2", 3, "gives x a second time"],
    ["[a]\nb=1\n[a]\nc=2", 3, "gives a a second time"],
    ["[a.c]\nd=1\n[a]\nb=1", 3, "has [a] after a table inside it, must come before"],
    ["a = 1 b = 2", 1, "must be one key a line"],
    ["[a] b=1", 1, "must be one key a line"],
    ["__proto__ = 1", 1, "has the key __proto__"],
    ["a=1\n[__proto__]\nx = 1", 2, "has the key __proto__"],
    ["a=1\n[server]\nx = { __proto__ = { y = 1 } }", 3, "has the key __proto__"],
    ['x."__proto__"=1', 1, "has the key __proto__"],
    ['x."\\u005f_proto__"=1', 1, "has the key __proto__"],
    ["[[__proto__]]\nx=1", 1, "has the key __proto__"],
  ];
  for (const [text, line, message] of cases) rejects(text, line, message);
  assertEquals(Object.hasOwn(Object.prototype, "x"), false);
});

Deno.test("parseToml() gives a tree or a TomlError for any text", () => {
  const piece = fc.constantFrom(
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    " ",
    "#",
    '"',
    "'",
    '"""',
    "'''",
    "\\",
    "a",
    "b",
    "1",
    "true",
    "__proto__",
    "1979-05-27",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseToml(pieces.join(""));
      } catch (error) {
        assertInstanceOf(error, TomlError);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseToml() reads back any table of plain keys", () => {
  const key = fc.stringMatching(/^[a-z_]{1,8}$/).filter((key) => key !== "__proto__");
  const value = fc.oneof(fc.integer(), fc.boolean(), fc.stringMatching(/^[ -~]{0,20}$/));
  fc.assert(fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (table) => {
    const text = Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n");
    assertEquals({ ...parseToml(text) }, table);
  }));
});

function rejects(text: string, line: number, message: string): void {
  const error = assertThrows(() => parseToml(text), TomlError, undefined, text);
  assertStringIncludes(error.message, message);
  assertEquals(error.line, line, text);
}

Deno.test("parseToml() bounds the depth of lists, tables and dotted keys, with any texts and comments", () => {
  const inside = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);
  const keys = (parts: number) => Array(parts).fill("a").join(".");
  for (const text of [`x = ${inside("[", "]", 32)}`, `${keys(32)} = 1.5`, `[${keys(32)}]`]) parseToml(text);
  const quoted = `x = "${"[".repeat(99)}\\"["\ny = '${"{".repeat(99)}' # ${"[".repeat(99)}\nz = """\n${
    "[".repeat(99)
  }"""`;
  parseToml(quoted);
  const lines: [string, number][] = [
    [`x = ${inside("[", "]", 33)}`, 1],
    [`x = 1\ny = ${inside("[", "]", 100_000)}`, 2],
    [`x = """\n\n"""\ny = ${"{a=".repeat(3000)}1${"}".repeat(3000)}`, 4],
    [`${keys(33)} = 1`, 1],
    [`[${keys(3000)}]`, 1],
    [`${quoted}\nw = ${"[".repeat(3000)}`, 5],
  ];
  for (const [text, line] of lines) {
    const error = assertThrows(() => parseToml(text), TomlError, "is nested too deep, allowed are 32");
    assertEquals(error.line, line);
  }
});
