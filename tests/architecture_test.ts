/** ARCHITECTURE.md and SECURITY.md name files and functions: each of them exists. */
import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);
const DECLARATION = "(?:class|function\\*?|const|interface|type|enum)";

/** References in backticks: a path of the repository, with a name in that file or a class and its member. */
function references(text: string): string[] {
  const path = String.raw`(?:lib|tests|tools|client|deploy|docs)/[\w./]*|main\.ts`;
  return [...text.matchAll(new RegExp(`\`((?:${path})(?::[\\w.#]+)?)\``, "g"))].map(([, reference]) => reference!);
}

/** What is wrong with a reference; null when what it names exists. */
async function problem(reference: string): Promise<string | null> {
  const [path, name] = reference.split(":");
  const info = await Deno.stat(new URL(path!, ROOT)).catch(() => null);
  if (info === null) return `${path} does not exist`;
  if (name === undefined) return null;
  const source = await Deno.readTextFile(new URL(path!, ROOT));
  const [outer, member] = name.split(".");
  if (!new RegExp(`^(?:export )?(?:async )?${DECLARATION} ${outer}\\b`, "m").test(source)) {
    return `${path} declares no ${outer}`;
  }
  if (member === undefined || new RegExp(`^  (?:async |\\*|readonly )*${member}[(<:]`, "m").test(source)) return null;
  return `${outer} of ${path} has no ${member}`;
}

Deno.test("each file and function that ARCHITECTURE.md names exists", async () => {
  const named = references(await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT)));
  assert(named.filter((reference) => reference.includes(":")).length > 40, "the walks name functions");
  const problems = await Promise.all(named.map(problem));
  assertEquals(problems.filter((one) => one !== null), []);
});

/** The rows of the table of threats as the texts of their cells. */
function threats(text: string): string[][] {
  const rows = text.split("\n").filter((line) => /^\| (?!-|threat )/.test(line));
  return rows.map((row) => row.split(" | ").map((cell) => cell.replace(/^\||\|$/g, "").trim()));
}

Deno.test("each threat of SECURITY.md names the code of its defence and the tests that prove it", async () => {
  const rows = threats(await Deno.readTextFile(new URL("SECURITY.md", ROOT)));
  assert(rows.length >= 30, `${rows.length} threats`);
  for (const [threat, , provedBy, livesIn, ...rest] of rows) {
    assertEquals(rest, [], threat);
    for (const cell of [provedBy!, livesIn!]) {
      const problems = await Promise.all(references(cell).map(problem));
      assert(problems.length > 0, `${threat}: a reference in ${JSON.stringify(cell)}`);
      assertEquals(problems.filter((one) => one !== null), [], threat);
    }
  }
});

Deno.test("each folder of lib/ is in ARCHITECTURE.md", async () => {
  const text = await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT));
  for await (const { name, isDirectory } of Deno.readDir(new URL("lib/", ROOT))) {
    if (isDirectory) assert(text.includes(`\`lib/${name}/\``), `lib/${name}/ is not in the map of folders`);
  }
});

Deno.test("a reference to what does not exist is found", async () => {
  const wrong =
    "`lib/nowhere.ts`, `lib/rpc/rpc.ts:noSuchFunction`, `lib/hub/hub.ts:Hub.noSuchMember`, `lib/hub/hub.ts:Hub`";
  assertEquals(await Promise.all(references(wrong).map(problem)), [
    "lib/nowhere.ts does not exist",
    "lib/rpc/rpc.ts declares no noSuchFunction",
    "Hub of lib/hub/hub.ts has no noSuchMember",
    null,
  ]);
});
