/** The tables of mutants fit the program and the documents. */
import { assert, assertEquals } from "../assert.ts";
import { ROOT } from "../../tools/project.ts";
import { type Mutant, mutate } from "./mutant.ts";
import { MUTANTS } from "./tables.ts";

const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);
const name = ({ area, file, find }: Mutant) => `${area}: ${file}: ${find}`;
const words = (text: string) => text.replace(/\s+/g, " ");

interface Row {
  readonly threat: string;
  readonly provedBy: readonly string[];
}

/** The table of SECURITY.md. */
async function threats(): Promise<Row[]> {
  const rows = (await read("SECURITY.md")).split("\n").filter((line) => /^\| (?!-|threat )/.test(line));
  return rows.map((row) => {
    const [, threat = "", , provedBy = ""] = row.split("|").map((cell) => cell.trim());
    return { threat, provedBy: [...provedBy.matchAll(/`([^`]+)`/g)].map(([, path]) => path!) };
  });
}

const ROWS = await threats();

/** The row that a promise begins; undefined for the words of another document. */
function rowOf(promise: string): Row | undefined {
  return ROWS.find(({ threat }) => threat.startsWith(promise));
}

Deno.test("each mutant's text stands in its file exactly once, and its test exists", async () => {
  const wrong: string[] = [];
  for (const mutant of MUTANTS) {
    const source = await read(mutant.file).catch(() => null);
    if (source === null) wrong.push(`${name(mutant)}: no such file`);
    else if (mutant.find === mutant.put) wrong.push(`${name(mutant)}: changes nothing`);
    else {
      const mutated = mutate(source, mutant);
      if (mutated.text === null) wrong.push(`${name(mutant)}: stands there ${mutated.found} times`);
    }
    if (!await Deno.stat(`${ROOT}/${mutant.by}`).then(({ isFile }) => isFile, () => false)) {
      wrong.push(`${name(mutant)}: there is no ${mutant.by}`);
    }
  }
  assertEquals(wrong, [], "an edit of these files takes the edit of their mutants in tests/proof/");
});

/** The parts of a test file's titles that are written out: a title may be made of values too. */
function titlesOf(source: string): { readonly plain: readonly string[]; readonly made: boolean } {
  const titles = [...source.matchAll(/\b(?:Deno\.test|t\.step)\(\s*(?:(["'`])((?:\\.|(?!\1).)*)\1|[^"'`\s])/gs)];
  const plain = titles.flatMap(([, quote, title]) => quote === "`" || title === undefined ? [] : [title]);
  return { plain: plain.map((title) => title.replace(/\\(.)/g, "$1")), made: plain.length < titles.length };
}

Deno.test("the test that a mutant names is in its file", async () => {
  const wrong: string[] = [];
  for (const mutant of MUTANTS) {
    if (mutant.test === undefined) continue;
    const { plain, made } = titlesOf(await read(mutant.by));
    if (made || plain.some((title) => title.includes(mutant.test!))) continue;
    wrong.push(`${name(mutant)}: ${mutant.by} has no test "${mutant.test}"`);
  }
  assertEquals(wrong, [], "a new title of a test takes the edit of the mutants that name it");
});

Deno.test("no mutant is there twice", () => {
  const keys = MUTANTS.map(({ file, find, put, by, test }) => JSON.stringify([file, find, put, by, test]));
  assertEquals(keys.filter((key, index) => keys.indexOf(key) !== index), []);
});

Deno.test("each mutant breaks a row of SECURITY.md, or words of a document that stand there", async () => {
  assert(ROWS.length > 25, "the table of SECURITY.md is read");
  const wrong: string[] = [];
  for (const promise of new Set(MUTANTS.map((mutant) => mutant.promise))) {
    if (rowOf(promise)) continue;
    const [, document, text] = /^([\w/.-]+): (.+)$/s.exec(promise) ?? [];
    const source = document === undefined ? null : await read(document).catch(() => null);
    if (source === null || !words(source).includes(words(text!))) wrong.push(promise);
  }
  assertEquals(wrong, []);
});

Deno.test("the test of a mutant is among those that prove its row of SECURITY.md", () => {
  const wrong = MUTANTS.flatMap(({ promise, by }) => {
    const row = rowOf(promise);
    const named = row === undefined ||
      row.provedBy.some((path) => path === by || path.endsWith("/") && by.startsWith(path));
    return named ? [] : [`${row.threat}: ${by}`];
  });
  assertEquals([...new Set(wrong)], []);
});
