/** ARCHITECTURE.md and SECURITY.md name files and functions: each of them exists. */
import { assert, assertEquals, assertLessOrEqual } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);
const DECLARATION = "(?:class|function\\*?|const|interface|type|enum)";

/** References in backticks: a path of the repository, with a name in that file or a class and its member. */
function references(text: string): string[] {
  const path = String.raw`(?:lib|tests|tools|client|deploy|docs)/[\w./]*|main\.ts`;
  return [...text.matchAll(new RegExp(`\`((?:${path})(?::[\\w.#]+)?)\``, "g"))].map(([, reference]) => reference!);
}

/** The fault of a reference; null when its target exists. */
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
  if (
    member === undefined || new RegExp(`^  (?:static |async |\\*|readonly )*${member}(?:[(<:]| = )`, "m").test(source)
  ) return null;
  return `${outer} of ${path} has no ${member}`;
}

Deno.test("each file and function that ARCHITECTURE.md names exists", async () => {
  const named = references(await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT)));
  assert(named.filter((reference) => reference.includes(":")).length > 40, "the walks name functions");
  const problems = await Promise.all(named.map(problem));
  assertEquals(problems.filter((one) => one !== null), []);
});

/** One step of a walk: its functions, each of which calls the next one, and what they ask on the way. */
interface Step {
  readonly functions: readonly string[];
  /** How the first function is reached; undefined: the step before calls it. */
  readonly by: string | undefined;
  readonly asked: readonly string[];
}

/** The steps of the walk in the section of that title. */
function walk(text: string, title: string): Step[] {
  const section = text.split(`## ${title}\n`)[1]!.split("\n## ")[0]!;
  const items = section.split(/\n(?=\d+\. )/).slice(1).map((item) => item.split("\n\n")[0]!.replace(/\s+/g, " "));
  return items.map((item) => {
    const parts = /^\d+\. ((?:`[^`]+`(?:, )?)+)(?: \((.+?)\))?: (.*)$/.exec(item);
    assert(parts !== null, `a step without a function: ${item}`);
    const [, head, by, rest] = parts;
    const asks = / Asks (.*)/.exec(rest!)?.[1] ?? "";
    return { functions: references(head!), by, asked: references(asks).filter((one) => one.includes(":")) };
  });
}

const fileOf = (reference: string) => reference.split(":")[0]!;
const nameOf = (reference: string) => reference.split(/[:.]/).at(-1)!;

/** The text of a function or method, without its first line. */
async function bodyOf(reference: string): Promise<string> {
  const source = await Deno.readTextFile(new URL(fileOf(reference), ROOT));
  const member = reference.split(":")[1]!.includes(".");
  const name = nameOf(reference);
  const start = member
    ? new RegExp(`^  (?:static |readonly |async |get )*${name}(?:\\(| = ).*$`, "m")
    : new RegExp(`^(?:export )?(?:async )?function ${name}\\(.*$`, "m");
  const found = start.exec(source);
  assert(found !== null, `${reference} is not found`);
  const rest = source.slice(found.index + found[0].length);
  return rest.slice(0, rest.search(member ? /^ {2}};?$/m : /^}$/m));
}

/** Whether the function calls one of that name, of whatever object. */
async function calls(caller: string, callee: string): Promise<boolean> {
  const name = nameOf(callee);
  return new RegExp(`${name.startsWith("#") ? "" : "(?<![\\w#])"}${name}\\(`).test(await bodyOf(caller));
}

/** The faults of a walk: missing calls, and classes that do not implement the interface they are called through. */
async function faults(steps: readonly Step[]): Promise<string[]> {
  const wrong: string[] = [];
  const check = async (caller: string, callee: string) => {
    if (!await calls(caller, callee)) wrong.push(`${caller} does not call ${callee}`);
  };
  for (const [index, { functions, by, asked }] of steps.entries()) {
    const contract = /^interface `(\w+)`$/.exec(by ?? "")?.[1];
    if (index > 0 && (by === undefined || contract !== undefined)) {
      await check(steps[index - 1]!.functions.at(-1)!, functions[0]!);
    }
    if (contract !== undefined) {
      const [, file, owner] = /^(.+):(\w+)\./.exec(functions[0]!)!;
      const source = await Deno.readTextFile(new URL(file!, ROOT));
      if (!new RegExp(`class ${owner} .*implements .*\\b${contract}\\b`).test(source)) {
        wrong.push(`${owner} does not implement ${contract}`);
      }
    }
    for (let at = 1; at < functions.length; at++) await check(functions[at - 1]!, functions[at]!);
    for (const one of asked) {
      const answers = await Promise.all(functions.map((caller) => calls(caller, one)));
      if (!answers.includes(true)) wrong.push(`step ${index + 1} does not ask ${one}`);
    }
  }
  return wrong;
}

for (const title of ["The way of a message", "The way of a refused handshake"]) {
  Deno.test(`${title}: each function calls the next`, async () => {
    const steps = walk(await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT)), title);
    assert(steps.length >= 10, `${steps.length} steps`);
    assertEquals(await faults(steps), []);
  });
}

Deno.test("The way of a message: 20 files, 25 changes of file and 5 interfaces at most", async () => {
  const steps = walk(await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT)), "The way of a message");
  const way = steps.flatMap(({ functions }) => functions).map(fileOf);
  const files = new Set([...way, ...steps.flatMap(({ asked }) => asked).map(fileOf)]);
  assertLessOrEqual(files.size, 20);
  assertLessOrEqual(way.filter((file, at) => at > 0 && file !== way[at - 1]).length, 25);
  assertLessOrEqual(steps.filter(({ by }) => by?.startsWith("interface ")).length, 5);
  assertEquals(
    steps.filter(({ by }) => by !== undefined && !by.startsWith("interface ")).length,
    4,
    "turns and sockets",
  );
});

Deno.test("The way of a message: each file on it opens with its place on the way", async () => {
  const steps = walk(await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT)), "The way of a message");
  for (const path of new Set(steps.flatMap(({ functions }) => functions).map(fileOf))) {
    const source = await Deno.readTextFile(new URL(path, ROOT));
    assert(/^\/\*\*(?:(?!\*\/)[^])* \* Way of a message: /.test(source), path);
  }
});

Deno.test("a walk with a call that is not there is found", async () => {
  const text = [
    "## A way\n",
    "1. `lib/session/session.ts:Session.message`: a message.",
    "2. `lib/hub/hub.ts:Hub.publish`: not called. Asks `lib/rpc/rpc.ts:parseMessage`.",
    "3. `lib/session/session.ts:Session.finish` (interface `Gate`): not implemented.",
  ].join("\n");
  assertEquals(await faults(walk(text, "A way")), [
    "lib/session/session.ts:Session.message does not call lib/hub/hub.ts:Hub.publish",
    "step 2 does not ask lib/rpc/rpc.ts:parseMessage",
    "lib/hub/hub.ts:Hub.publish does not call lib/session/session.ts:Session.finish",
    "Session does not implement Gate",
  ]);
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
