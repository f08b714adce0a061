/** The runner of mutants tells what kills from what does not. */
import { DENO, run } from "../../tools/project.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { repositoryFiles } from "./copy.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { exitStatus } from "./main.ts";
import { type Outcome, prove, type ProveOptions, type Verdict } from "./prove.ts";
import { changedFiles, ofFiles, sampleOf, seedOf, withText } from "./select.ts";

/** A repository with one defence, and tests of several kinds. */
const FILES: Readonly<Record<string, string>> = {
  "deno.json": "{}",
  "lib/door.ts": `
export function mayEnter(age: number): boolean {
  if (age < 18) return false;
  return true;
}
export const greeting = { text: "hello" };
`,
  "tests/door_test.ts": `
import { mayEnter } from "../lib/door.ts";
import { assertEquals } from "../tests/assert.ts";
Deno.test("children stay outside", () => assertEquals(mayEnter(17), false));
Deno.test("grown-ups may enter", async (t) => {
  await t.step("at eighteen", () => assertEquals(mayEnter(18), true));
});
`,
  "tests/assert.ts": `
class AssertionError extends Error { override name = "AssertionError"; }
export function assertEquals(actual: unknown, expected: unknown) {
  if (actual !== expected) throw new AssertionError("Values are not equal: <" + actual + "> & <" + expected + ">");
}
`,
  "tests/wait_test.ts": `
import { mayEnter } from "../lib/door.ts";
class DeadlineError extends Error { override name = "DeadlineError"; }
Deno.test("waits", () => { if (mayEnter(17)) throw new DeadlineError("waited in vain for the refusal"); });
`,
  "tests/crash_test.ts": `
import { greeting } from "../lib/door.ts";
Deno.test("greets", () => { greeting.text.toUpperCase(); });
`,
  "tests/failing_test.ts": `Deno.test("fails always", () => { throw new Error("as ever"); });`,
  "tests/ignored_test.ts": `Deno.test({ name: "opens (ignored: no key)", ignore: true, fn() {} });`,
};

/** Long enough for a busy machine to start the test that hangs. */
const HANG_DEADLINE_MS = 10_000;
const YOUNG = "if (age < 18) return false;";

async function withRepository(use: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(FILES)) {
      await Deno.mkdir(`${root}/${name.split("/").slice(0, -1).join("/")}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${name}`, text);
    }
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function mutant(find: string, put: string, by = "tests/door_test.ts", test?: string): Mutant {
  const file = "lib/door.ts";
  return { area: "door", promise: "Children", file, find, put, by, ...(test === undefined ? {} : { test }) };
}

function attempt(root: string, mutants: readonly Mutant[], options: Partial<ProveOptions> = {}): Promise<Outcome[]> {
  return prove(mutants, { root, files: Object.keys(FILES), jobs: 2, signal: new AbortController().signal, ...options });
}

const verdicts = (outcomes: readonly Outcome[]) => outcomes.map(({ verdict }) => verdict);

Deno.test("prove(): a mutant is killed by an assertion, in a test or step, and by a deadline of the tests", () =>
  withRepository(async (root) => {
    const outcomes = await attempt(root, [
      mutant(YOUNG, ""),
      mutant(YOUNG, "", "tests/door_test.ts", "children"),
      mutant("age < 18", "age <= 18"),
      mutant(YOUNG, "", "tests/wait_test.ts"),
    ]);
    assertEquals(outcomes.map(({ verdict, detail }) => [verdict, detail]), [
      ["killed", "children stay outside"],
      ["killed", "children stay outside"],
      ["killed", "grown-ups may enter > at eighteen"],
      ["killed", "waits"],
    ]);
    assertEquals(await Deno.readTextFile(`${root}/lib/door.ts`), FILES["lib/door.ts"], "the repository is as it was");
  }));

Deno.test("prove(): a mutant without consequence, or outside of the tests that are named, survives", () =>
  withRepository(async (root) => {
    const outcomes = await attempt(root, [
      mutant("age < 18", "age < 17.5"),
      mutant(YOUNG, "", "tests/door_test.ts", "grown-ups"),
      mutant(YOUNG, "", "tests/crash_test.ts"),
    ]);
    assertEquals(verdicts(outcomes), ["survived", "survived", "survived"]);
  }));

Deno.test("prove(): a text that is not in the file exactly once is stale", () =>
  withRepository(async (root) => {
    const outcomes = await attempt(root, [
      mutant("age < 21", ""),
      mutant("return", ""),
      { ...mutant(YOUNG, ""), file: "lib/window.ts" },
    ]);
    assertEquals(verdicts(outcomes), ["stale", "stale", "stale"]);
    assertMatch(outcomes[0]!.detail, /0 times/);
    assertMatch(outcomes[1]!.detail, /2 times/);
  }));

Deno.test("prove(): a mutant that can't be compiled or loaded is broken, one that is no assertion has crashed", () =>
  withRepository(async (root) => {
    const outcomes = await attempt(root, [
      mutant(YOUNG, "if ("),
      mutant("export const greeting", "const greeting", "tests/crash_test.ts"),
      mutant('{ text: "hello" }', "{} as { text: string }", "tests/crash_test.ts"),
      mutant(YOUNG, "Deno.exit(3);"),
      mutant(YOUNG, "Deno.kill(Deno.pid, 'SIGKILL');"),
    ]);
    assertEquals(verdicts(outcomes), ["broken", "broken", "crashed", "crashed", "broken"]);
    assertMatch(outcomes[2]!.detail, /"greets".*no assertion.*TypeError/);
  }));

Deno.test("prove(): a mutant that does not end has hung, and nothing of it is left", () =>
  withRepository(async (root) => {
    const started = `${root}/started`;
    const child = `const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
      Deno.writeTextFileSync(${JSON.stringify(started)}, String(child.pid));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
    const outcomes = await attempt(root, [mutant(YOUNG, child)], { deadlineMs: () => HANG_DEADLINE_MS });
    assertEquals(verdicts(outcomes), ["hung"]);
    assertEquals(verdicts(await attempt(root, [mutant(YOUNG, "")])), ["killed"]);
    const pid = await Deno.readTextFile(started);
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
    assert(state === "gone" || / [ZX] /.test(state), `the process that the test started still runs: ${state}`);
  }));

Deno.test("prove(): tests that fail, do not exist or are ignored without the mutant prove nothing", () =>
  withRepository(async (root) => {
    const outcomes = await attempt(root, [
      mutant(YOUNG, "", "tests/failing_test.ts"),
      mutant(YOUNG, "", "tests/no_such_test.ts"),
      mutant(YOUNG, "", "tests/door_test.ts", "pensioners"),
      mutant(YOUNG, "", "tests/ignored_test.ts"),
    ]);
    assertEquals(verdicts(outcomes), ["unproved", "unproved", "unproved", "ignored"]);
    assertMatch(outcomes[0]!.detail, /fails: "fails always"/);
    assertMatch(outcomes[3]!.detail, /no key/);
  }));

Deno.test("prove() leaves out what was not tried when it is told to stop", () =>
  withRepository(async (root) => {
    const stop = new AbortController();
    const outcomes = await attempt(root, Array.from({ length: 20 }, () => mutant(YOUNG, "")), {
      jobs: 1,
      signal: stop.signal,
      onOutcome: () => stop.abort(),
    });
    assertEquals(verdicts(outcomes), ["killed"]);
  }));

Deno.test("repositoryFiles() and changedFiles() know what is committed, changed and new, and nothing that is ignored", () =>
  withRepository(async (root) => {
    const git = async (...args: string[]) => {
      const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
      const { success } = await new Deno.Command("git", { args: [...identity, ...args], cwd: root }).output();
      assert(success, `git ${args.join(" ")}`);
    };
    assertEquals((await repositoryFiles(root)).sort(), Object.keys(FILES).sort(), "unpacked without a history");
    await git("init", "--quiet");
    await Deno.writeTextFile(`${root}/.gitignore`, "*.key\n");
    await git("add", ".");
    await git("commit", "--quiet", "--message", "first");
    await Deno.writeTextFile(`${root}/lib/door.ts`, "changed");
    await git("commit", "--quiet", "--all", "--message", "second");
    await Deno.writeTextFile(`${root}/tests/wait_test.ts`, "changed");
    await Deno.writeTextFile(`${root}/new.ts`, "new");
    await Deno.writeTextFile(`${root}/secret.key`, "secret");
    await Deno.remove(`${root}/tests/crash_test.ts`);
    const files = await repositoryFiles(root);
    assertEquals(
      files.toSorted(),
      [...Object.keys(FILES), ".gitignore", "new.ts"].filter((name) => !name.includes("crash")).sort(),
    );
    const changed = await changedFiles(root, 1);
    assertEquals(changed.toSorted(), ["lib/door.ts", "new.ts", "tests/crash_test.ts", "tests/wait_test.ts"]);
    await assertRejects(() => changedFiles(root, 9), Error, "HEAD~9");
  }));

Deno.test("mutants are chosen by text, by file, and by the date", () => {
  const mutants = mutantsOf("door", [{
    promise: "Children",
    file: "lib/door.ts",
    by: "tests/door_test.ts",
    edits: Array.from({ length: 100 }, (_, index) => [`find ${index}`, "put", `test ${index}`] as const),
  }]);
  assertEquals(withText(mutants, "find 42").map(({ test }) => test), ["test 42"]);
  assertEquals(withText(mutants, "Children").length, 100);
  assertEquals(ofFiles(mutants, ["lib/door.ts"]).length, 100);
  assertEquals(ofFiles(mutants, ["tests/door_test.ts", "x.ts"]).length, 100);
  assertEquals(ofFiles(mutants, ["lib/doors.ts"]).length, 0);
  const today = seedOf(new Date("2026-11-26T23:59:59Z"));
  assertEquals(today, 20261126);
  const chosen = sampleOf(mutants, 15, today);
  assertEquals([chosen.length, new Set(chosen).size], [15, 15]);
  assertEquals(sampleOf(mutants, 15, today), chosen, "the same for the same seed");
  assert(sampleOf(mutants, 15, today + 1).some((one) => !chosen.includes(one)));
  assertEquals(new Set(sampleOf(mutants, 500, today)).size, 100);
  const reached = new Set(Array.from({ length: 60 }, (_, day) => sampleOf(mutants, 15, today + day)).flat());
  assertEquals(reached.size, 100, "in sixty days each has its turn");
});

Deno.test("exitStatus() is 0 only when all were tried and killed, or ignored where that is allowed", () => {
  const of = (...verdicts: Verdict[]) =>
    verdicts.map((verdict): Outcome => ({ mutant: mutant(YOUNG, ""), verdict, detail: "", ms: 0 }));
  assertEquals(exitStatus(of("killed", "killed"), 2, false), 0);
  assertEquals(exitStatus(of("killed"), 2, false), 1, "interrupted");
  assertEquals(exitStatus(of("killed", "ignored"), 2, false), 0);
  assertEquals(exitStatus(of("killed", "ignored"), 2, true), 1);
  for (const verdict of ["survived", "stale", "broken", "hung", "crashed", "unproved"] as const) {
    assertEquals(exitStatus(of("killed", verdict), 2, false), 1, verdict);
  }
});

Deno.test("deno task prove lists its mutants, and refuses options that it does not know", async () => {
  const task = async (...args: string[]) => {
    const { code, output } = await run(DENO, ["run", "--no-prompt", "-A", "tests/proof/main.ts", ...args], {
      quiet: true,
    });
    return { code, output };
  };
  const listed = await task("--list", "--only", "Guessing secrets", "--sample=2", "--seed", "1");
  assertEquals(listed.code, 0, listed.output);
  assertMatch(listed.output, /2 of \d+ mutants\n$/);
  assertEquals(await task("--help").then(({ code }) => code), 0);
  for (const wrong of [["--sample", "0"], ["--jobs", "x"], ["--changed=-1"], ["--onyl", "x"], ["surplus"]]) {
    const { code, output } = await task(...wrong);
    assertEquals(code, 2, output);
    assertMatch(output, /usage: deno task prove/);
  }
});
