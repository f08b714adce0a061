/** Tries mutants, several at once, each in a copy of the repository. */
import { join } from "node:path";
import { Copy, type Ran } from "./copy.ts";
import { type Case, failures, isAssertion, parseReport, topLevel } from "./junit.ts";
import { type Mutant, mutate } from "./mutant.ts";

/**
 * - `killed`: a named test fails by what it asserts.
 * - `survived`: the named tests pass without the promise.
 * - `stale`: the text to find does not stand in the file exactly once.
 * - `broken`: the tests can't be loaded.
 * - `hung`: the tests did not end.
 * - `crashed`: a test fails, but by no assertion.
 * - `unproved`: the tests fail without the mutant too, or there are none of that name.
 * - `ignored`: the tests need what this machine does not have.
 */
export type Verdict = "killed" | "survived" | "stale" | "broken" | "hung" | "crashed" | "unproved" | "ignored";

export interface Outcome {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** The test that failed by its assertion, or what is known of the reason. */
  readonly detail: string;
  readonly ms: number;
}

export interface ProveOptions {
  readonly root: string;
  /** Paths in `root` that a copy has. */
  readonly files: readonly string[];
  /** How many copies there are. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** How long tests may take that are known to take `usualMs`. */
  deadlineMs?(usualMs: number): number;
  /** A test file has run without a mutant. */
  onBaseline?(test: string, done: number, total: number): void;
  onOutcome?(outcome: Outcome, done: number, total: number): void;
}

/** How a test file does without a mutant. */
interface Baseline {
  /** Null when the tests did not even load or end. */
  readonly cases: readonly Case[] | null;
  readonly ran: Ran;
}

const BASELINE_DEADLINE_MS = 600_000;
const LEAST_DEADLINE_MS = 60_000;
const SHOWN_LINES = 12;

/** In the order of `mutants`; those that were not tried because of `signal` are left out. */
export async function prove(mutants: readonly Mutant[], options: ProveOptions): Promise<Outcome[]> {
  const { root, files, signal } = options;
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "prove-" }));
  try {
    // Some tests run programs as another user.
    await Deno.chmod(folder, 0o755);
    const jobs = Math.max(1, Math.min(options.jobs, mutants.length));
    const copies = await Promise.all(
      Array.from({ length: jobs }, (_, index) => Copy.make(root, files, join(folder, String(index)))),
    );
    const tests = namesByFile(mutants);
    const baselines = new Map<string, Baseline>();
    await inTurn([...tests], copies, signal, async ([test, names], copy) => {
      baselines.set(test, await baselineOf(copy, test, names, signal));
      options.onBaseline?.(test, baselines.size, tests.size);
    });
    const outcomes = new Map<Mutant, Outcome>();
    await inTurn(mutants, copies, signal, async (mutant, copy) => {
      const outcome = await tryMutant(mutant, copy, baselines.get(mutant.by)!, options);
      if (signal.aborted) return;
      outcomes.set(mutant, outcome);
      options.onOutcome?.(outcome, outcomes.size, mutants.length);
    });
    return mutants.flatMap((mutant) => outcomes.get(mutant) ?? []);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await forget(folder);
  }
}

/** The files of tests with the names that are wanted of each; null: all. */
function namesByFile(mutants: readonly Mutant[]): Map<string, readonly string[] | null> {
  const wanted = new Map<string, readonly string[] | null>();
  for (const { by, test } of mutants) {
    const known = wanted.get(by);
    if (test === undefined || known === null) wanted.set(by, null);
    else wanted.set(by, [...new Set([...known ?? [], test])]);
  }
  return wanted;
}

/** Works off `items`, one at a time in each copy. */
async function inTurn<T>(
  items: readonly T[],
  copies: readonly Copy[],
  signal: AbortSignal,
  work: (item: T, copy: Copy) => Promise<void>,
): Promise<void> {
  const left = items.values();
  await Promise.all(copies.map(async (copy) => {
    for (const item of left) {
      if (signal.aborted) return;
      await work(item, copy);
    }
  }));
}

async function baselineOf(
  copy: Copy,
  test: string,
  names: readonly string[] | null,
  signal: AbortSignal,
): Promise<Baseline> {
  const ran = await copy.run(test, names, BASELINE_DEADLINE_MS, signal);
  return { ran, cases: ran.ended && ran.report !== null ? parseReport(ran.report) : null };
}

async function tryMutant(mutant: Mutant, copy: Copy, baseline: Baseline, options: ProveOptions): Promise<Outcome> {
  const outcome = (verdict: Verdict, detail: string, ms = 0): Outcome => ({ mutant, verdict, detail, ms });
  const unfit = judgeBaseline(mutant, baseline);
  if (unfit) return outcome(...unfit);
  const source = await copy.read(mutant.file).catch(() => null);
  if (source === null) return outcome("stale", "the file is not in the repository");
  const mutated = mutate(source, mutant);
  if (mutated.text === null) return outcome("stale", `the text to find stands there ${mutated.found} times`);
  const deadlineMs = options.deadlineMs ?? ((usualMs) => Math.max(LEAST_DEADLINE_MS, 5 * usualMs));
  await copy.write(mutant.file, mutated.text);
  try {
    const names = mutant.test === undefined ? null : [mutant.test];
    const ran = await copy.run(mutant.by, names, deadlineMs(baseline.ran.ms), options.signal);
    return outcome(...judge(ran), ran.ms);
  } finally {
    await copy.write(mutant.file, source);
  }
}

/** Why a test can't prove anything; null when it can. */
function judgeBaseline({ by, test }: Mutant, { cases, ran }: Baseline): [Verdict, string] | null {
  const without = `without the mutant, ${by}`;
  if (!ran.ended) return ["unproved", `${without} does not end`];
  if (cases === null) return ["unproved", `${without} can't be loaded:\n${lastLines(ran.output)}`];
  const own = topLevel(cases).filter(({ name }) => test === undefined || name.includes(test));
  const failed = own.filter(({ failure }) => failure !== null).map(({ name }) => `"${name}"`);
  if (failed.length > 0) {
    const why = failures(cases).map(({ failure }) => firstLines(failure));
    return ["unproved", `${without} fails: ${failed.join(", ")}\n${why.join("\n")}`];
  }
  if (own.length === 0) return ["unproved", `${by} has no test that is called "${test ?? ""}"`];
  if (own.every(({ ignored }) => ignored)) return ["ignored", own.map(({ name }) => name).join(", ")];
  return null;
}

function judge({ ended, code, report, output, ms }: Ran): [Verdict, string] {
  if (!ended) return ["hung", `no end after ${Math.round(ms / 1000)} s`];
  if (code === 0) return ["survived", "the tests pass"];
  const cases = parseReport(report ?? "");
  const failed = failures(cases);
  const asserted = failed.find(({ failure }) => isAssertion(failure));
  if (asserted) return ["killed", asserted.name];
  const other = failed[0];
  if (other) return ["crashed", `"${other.name}" fails, but by no assertion: ${firstLines(other.failure)}`];
  return [cases.length === 0 ? "broken" : "crashed", lastLines(output)];
}

function firstLines(text: string): string {
  return text.split("\n").slice(0, SHOWN_LINES).join("\n");
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
}

/** Deno keeps what it made of each TypeScript file by the file's path; these are not used again. */
async function forget(folder: string): Promise<void> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { typescriptCache } = JSON.parse(new TextDecoder().decode(stdout)) as { typescriptCache: string };
  await Deno.remove(join(typescriptCache, "file", folder), { recursive: true }).catch(() => {});
}
