/** The prose of comments, messages and documents: opening comments, docstrings of the public interface, refused words. */
import { dirname, join } from "node:path";
import { assert, assertEquals } from "./assert.ts";
import { files, ROOT } from "../tools/project.ts";

/**
 * Words that replace the subject or the standard term of a sentence: "who comes late" for a client with a late message,
 * "a clock that nobody sets" for a monotonic clock.
 */
const REFUSED = /\b(?:who|whom|who(?:m)?ever|nobody|everybody|anybody|somebody|anew|meanwhile)\b/i;

/** Docstrings begin with the subject or a verb, not with a question word. */
const QUESTION = /^\s*\/?\*+ (?:What|Who|Whoever)\b/;

/** The title of a test or of a step of one, which may follow its requirements. */
const TITLE =
  /(?:Deno\.test|\.step|optional)\(\s*(?:optional\(\s*(?:\{[^}]*\}|[A-Z_]+),\s*)?("(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)/g;

/** Words that leave the subject of a title open, besides those refused everywhere. */
const OPEN_SUBJECT = /\b(?:whatever|however|wherever)\b|^.(?:\$\{engine\}: )?(?:what|how) /i;

/** A comment of one or more lines, or a string of at least three words. */
const PROSE = /\/\*\*?[^]*?\*\/|(?<=^|\s)\/\/ .*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/gm;

async function sources(...folders: string[]): Promise<string[]> {
  const paths = (await Promise.all(folders.map((folder) => files(ROOT, folder)))).flat();
  return paths.filter((path) => /\.[jt]s$/.test(path) && !path.includes("/dist/"));
}

const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);

/** Lines of comments and sentences of a source that have a refused word. */
function refusedInSource(path: string, source: string): string[] {
  const found: string[] = [];
  for (const [prose] of source.matchAll(PROSE)) {
    if (!/^\/[/*]/.test(prose) && prose.trim().split(/\s+/).length < 3) continue;
    for (const line of prose.split("\n")) {
      if (REFUSED.test(line) || QUESTION.test(line)) found.push(`${path}: ${line.trim()}`);
    }
  }
  return found;
}

async function readmesOfTests(): Promise<string[]> {
  return (await files(ROOT, "tests")).filter((path) => path.endsWith(".md"));
}

/** Lines of a document that have a refused word outside of code. */
function refusedInDocument(path: string, text: string): string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, "").replaceAll(/`[^`\n]*`|"[^"\n]*"/g, "");
  return prose.split("\n").filter((line) => REFUSED.test(line)).map((line) => `${path}: ${line.trim()}`);
}

Deno.test("documents name the subject of each sentence", async () => {
  const found: string[] = [];
  const documents = [
    ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"],
    ...(await files(ROOT, "docs")).filter((path) => path.endsWith(".md")),
    ...await readmesOfTests(),
  ];
  for (const path of documents) found.push(...refusedInDocument(path, await read(path)));
  assertEquals(found, []);
});

Deno.test("comments and messages name the subject of each sentence", async () => {
  const found: string[] = [];
  for (const path of await sources("lib", "client", "tools", "examples", "tests")) {
    if (path !== "tests/prose_test.ts") found.push(...refusedInSource(path, await read(path)));
  }
  assertEquals(found, []);
});

Deno.test("files that the documents of tests name exist", async () => {
  const missing: string[] = [];
  let named = 0;
  for (const path of await readmesOfTests()) {
    for (const [, file] of (await read(path)).matchAll(/`((?:\.\.\/|[\w-]+\/)*\w+\.ts)`/g)) {
      named += 1;
      const places = [join(ROOT, dirname(path), file!), join(ROOT, file!)];
      const found = await Promise.all(places.map((place) => Deno.stat(place).then(() => true, () => false)));
      if (!found.includes(true)) missing.push(`${path}: ${file}`);
    }
  }
  assert(named > 20, `${named} files are named`);
  assertEquals(missing, []);
});

Deno.test("a refused word is found in comments, messages and documents, and not in code", () => {
  const source = [
    "/** What is done here. */",
    "const who = 1; // somebody set it",
    'log.warn("started anew", "by the whole crowd", "chat.who");',
    "/**",
    " * A client that connects.",
    " * Whoever connects.",
    " */",
  ].join("\n");
  assertEquals(refusedInSource("x.ts", source), [
    "x.ts: /** What is done here. */",
    "x.ts: // somebody set it",
    "x.ts: * Whoever connects.",
  ]);
  const document = "Nobody comes.\n\n```ts\n// who\n```\n\nThe method `chat.who` lists users.\n";
  assertEquals(refusedInDocument("x.md", document), ["x.md: Nobody comes."]);
});

Deno.test("titles of tests name the subject", async () => {
  const found: string[] = [];
  let titles = 0;
  for (const path of await sources("tests")) {
    for (const [, title] of (await read(path)).matchAll(TITLE)) {
      titles += 1;
      if (REFUSED.test(title!) || OPEN_SUBJECT.test(title!)) found.push(`${path}: ${title}`);
    }
  }
  assert(titles > 1_000, `${titles} titles are read`);
  assertEquals(found, []);
});

Deno.test("each file with exports opens with a comment", async () => {
  const bare: string[] = [];
  for (const path of await sources("lib", "client", "tools")) {
    const source = await read(path);
    if (/^export /m.test(source) && !source.startsWith("/**")) bare.push(path);
  }
  assertEquals(bare, []);
});

Deno.test("lib/mod.ts and client/mod.ts document each export and each type that it refers to", async () => {
  for (const entry of ["lib/mod.ts", "client/mod.ts"]) {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--lint", entry],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const output = new TextDecoder().decode(stderr);
    assert(!/^error: (?!Found)/m.test(output), output);
    // lib/mod.ts exports zod's `z`: its declarations are not ours, and types in it count as private.
    const own = output.split(/^(?=error\[)/m).filter((problem) =>
      problem.includes(`--> ${ROOT}/`) && !/references private type '(?:ZodType|input|output)'/.test(problem)
    );
    assertEquals(own, [], entry);
  }
});
