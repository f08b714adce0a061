/** Helpers are in one place and say what they are for. */
import { dirname, join, normalize } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { files, ROOT } from "../../tools/project.ts";

const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g;

const SOURCES = (await files(ROOT, "tests")).filter((path) => path.endsWith(".ts"));

/** The folder right under `tests/`; null for a file that is in none. */
function folderOf(path: string): string | null {
  return /^tests\/([^/]+)\//.exec(path)?.[1] ?? null;
}

Deno.test("a folder of tests shares helpers by tests/helpers/ only", async () => {
  assert(SOURCES.length > 300, "the tests are found");
  const wrong: string[] = [];
  for (const path of SOURCES) {
    for (const [, other] of (await Deno.readTextFile(join(ROOT, path))).matchAll(IMPORT)) {
      const target = normalize(join(dirname(path), other!));
      const folder = folderOf(target);
      if (folder === null || folder === "helpers" || folder === folderOf(path) || !SOURCES.includes(target)) continue;
      wrong.push(`${path}: ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("each helper has a docstring", async () => {
  const bare: string[] = [];
  for (const path of SOURCES.filter((path) => folderOf(path) === "helpers" && !path.endsWith("_test.ts"))) {
    const source = await Deno.readTextFile(join(ROOT, path));
    if (!source.startsWith("/**")) bare.push(`${path}: opening comment`);
    const lines = source.split("\n").filter((line) => !line.startsWith("// deno-lint-ignore"));
    for (const [index, line] of lines.entries()) {
      if (/^export (?!\{)/.test(line) && !lines[index - 1]?.endsWith("*/")) bare.push(`${path}: ${line}`);
    }
  }
  assertEquals(bare, []);
});
