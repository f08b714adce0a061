import { join } from "node:path";
import { byFolder, folderOf, removeUnfinished, row } from "../../tools/coverage.ts";
import { assertEquals } from "../assert.ts";

Deno.test("folderOf() is a folder of lib/, and of the sandbox a part of it", () => {
  assertEquals(folderOf("lib/admission/token/json.ts"), "lib/admission");
  assertEquals(folderOf("lib/sandbox/host/cell.ts"), "lib/sandbox/host");
  assertEquals(folderOf("lib/sandbox/sandbox.ts"), "lib/sandbox");
});

Deno.test("byFolder() counts branches and lines of all files of a folder, once each, reached in any run", () => {
  const lcov = [
    "SF:/repo/lib/gate/a.ts",
    "BRDA:1,0,0,3",
    "BRDA:1,0,1,-",
    "BRDA:2,1,0,0",
    "DA:1,1",
    "DA:2,0",
    "end_of_record",
    "SF:/repo/lib/gate/b.ts",
    "BRDA:1,0,0,1",
    "DA:1,5",
    "end_of_record",
    "SF:/repo/lib/gate/a.ts",
    "BRDA:1,0,1,2",
    "BRDA:1,0,0,0",
    "DA:2,0",
    "end_of_record",
    "SF:/repo/lib/base/c.ts",
    "DA:1,0",
    "end_of_record",
  ].join("\n");
  const folders = byFolder(lcov, "/repo");
  assertEquals([...folders.keys()], ["lib/base", "lib/gate"]);
  assertEquals(folders.get("lib/gate"), { branches: [3, 4], lines: [2, 3] });
  assertEquals([...folders].map(([name, reached]) => row(name, reached)), [
    "| lib/base | – (0) | 0.0 % |",
    "| lib/gate | 75.0 % (4) | 66.7 % |",
  ]);
});

Deno.test("removeUnfinished() removes records that a killed process left, and no others", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = { "whole.json": '{"result":[]}', "empty.json": "", "half.json": '{"result":[{', "lcov": "{" };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    await removeUnfinished(folder);
    const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(left.sort(), ["lcov", "whole.json"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
