/** Which folder of the sandbox may import which: what runs in one process must not reach into another's. */
import { dirname, join, relative } from "node:path";
import { assert, assertEquals } from "../assert.ts";

const ROOT = new URL("../../lib/sandbox/", import.meta.url).pathname;
/** What the files of a folder may not import, at run time or for types. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  wire: ["cell", "host", "supervisor", "author"],
  cell: ["host", "supervisor"],
  host: ["cell", "supervisor"],
  supervisor: ["cell", "host"],
};

/** Folders of the sandbox that a file imports from. */
function foldersOf(path: string, source: string): string[] {
  const specifiers = [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"|new URL\("(\.[^"]+\.ts)"/g)];
  return specifiers.map(([, one, other]) => relative(ROOT, join(dirname(path), (one ?? other)!)).split("/")[0]!);
}

for (const [folder, forbidden] of Object.entries(FORBIDDEN)) {
  Deno.test(`${folder}/ imports nothing of ${forbidden.join("/, ")}/`, async () => {
    let files = 0;
    for await (const { name } of Deno.readDir(`${ROOT}${folder}`)) {
      const path = `${ROOT}${folder}/${name}`;
      const found = foldersOf(path, await Deno.readTextFile(path)).filter((other) => forbidden.includes(other));
      assertEquals(found, [], `${folder}/${name}`);
      files++;
    }
    assert(files > 0);
  });
}

Deno.test("an import is found however it is written", () => {
  const path = `${ROOT}wire/x.ts`;
  for (
    const source of [
      'import { a } from "../cell/a.ts";',
      'import type { A } from "../cell/a.ts";',
      'import {\n  a,\n} from "../cell/a.ts";',
      'export * from "../cell/a.ts";',
      'import "../cell/a.ts";',
      'await import("../cell/a.ts");',
      'new Worker(new URL("../cell/a.ts", import.meta.url));',
    ]
  ) assertEquals(foldersOf(path, source), ["cell"], source);
});
