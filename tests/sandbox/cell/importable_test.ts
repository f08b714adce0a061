import { importablePaths } from "../../../lib/sandbox/cell/importable.ts";
import { assertEquals } from "../../assert.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-" }));
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("importablePaths() is the whole folder when all in it may be read", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/parts`);
    for (const name of ["module.ts", "parts/a.ts"]) await Deno.writeTextFile(`${folder}/${name}`, "");
    assertEquals(importablePaths(folder, `${folder}/module.ts`), [folder]);
  });
});

Deno.test("importablePaths() leaves out hidden files, node_modules, and links that lead outside", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/node_modules`);
    await Deno.mkdir(`${folder}/parts`);
    for (const name of ["module.ts", ".env", "node_modules/x.js", "parts/a.ts"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "");
    }
    await Deno.symlink("/etc/passwd", `${folder}/data.json`);
    assertEquals(importablePaths(folder, `${folder}/module.ts`).sort(), [`${folder}/module.ts`, `${folder}/parts`]);
  });
});

Deno.test("importablePaths() ends in a folder whose links lead round", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a`);
    await Deno.writeTextFile(`${folder}/module.ts`, "");
    await Deno.writeTextFile(`${folder}/a/part.ts`, "");
    // Followed, they would double the number of paths at each of forty levels.
    for (const name of ["one", "other"]) await Deno.symlink(`${folder}/a`, `${folder}/a/${name}`);
    let problem = "";
    let paths: string[] = [];
    try {
      paths = importablePaths(folder, `${folder}/module.ts`);
    } catch (error) {
      problem = String(error);
    }
    assertEquals(problem, "");
    assertEquals(paths.sort(), [`${folder}/a/part.ts`, `${folder}/module.ts`]);
  });
});
