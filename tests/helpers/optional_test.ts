import { assertEquals, assertThrows } from "../assert.ts";
import { optional, runs } from "./optional.ts";

/** Tests of what is ignored. */
const OWN = ["optional_test.ts", "prove_test.ts"];

const never = () => {
  throw new TypeError("it ran");
};

Deno.test("optional() runs a test whose needs are met", () => {
  for (const nothingIgnored of [false, true]) {
    const test = optional({ nginx: true, curl: true }, "proxies", never, nothingIgnored);
    assertEquals(test, { name: "proxies", ignore: false, fn: never });
  }
});

Deno.test("optional() ignores a test that can't run, and names what it lacks", () => {
  const test = optional({ nginx: false, curl: true, caddy: false }, "proxies", never, false);
  assertEquals([test.name, test.ignore], ["proxies (ignored, this machine lacks: nginx, caddy)", true]);
});

Deno.test("optional() fails a test that can't run where nothing may be ignored", (t) => {
  const test = optional({ nginx: false }, "proxies", never, true);
  assertEquals(test.ignore, false);
  assertThrows(() => void test.fn(t), Error, "lacks: nginx");
});

Deno.test("every test that is ignored says why, and fails where nothing may be ignored", async () => {
  const wrong: string[] = [];
  for await (const path of sources(new URL("./", import.meta.url))) {
    const text = await Deno.readTextFile(path);
    if (/\b(?:ignore|only):|\btest\.(?:ignore|only)\b/.test(text)) wrong.push(path.pathname);
  }
  assertEquals(wrong, [], "these are to be made by optional()");
});

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith("_test.ts") && !OWN.includes(name)) yield new URL(name, folder);
  }
}

Deno.test("runs() is whether a program ends well", () => {
  assertEquals([runs("true"), runs("false"), runs("no-such-program")], [true, false, false]);
});
