/** `deno task prove`: breaks promises one at a time, and shows the test that fails by each. */
import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { repositoryFiles } from "./copy.ts";
import type { Mutant } from "./mutant.ts";
import { type Outcome, prove, type Verdict } from "./prove.ts";
import { changedFiles, ofFiles, sampleOf, seedOf, withText } from "./select.ts";
import { MUTANTS } from "./tables.ts";

const USAGE = `usage: deno task prove [options]

Each mutant of the tables in tests/proof/ is one edit that breaks one promise. It is made in a copy of the repository, and the
test that is named beside it must fail by an assertion. The same tests are run without a mutant first.

  --only TEXT      mutants with this text in their table's name, promise, file, edit or test
  --changed[=N]    mutants whose file or test the last N commits changed (1), or is changed now
  --sample N       N mutants, chosen by the date
  --seed N         chooses the sample in place of the date
  --jobs N         mutants at a time (the number of processors)
  --list           prints the mutants and tries none
  --json           prints one JSON document; progress goes to standard error

Exit status: 0 each one is killed by an assertion (what the machine has no program for is ignored, unless
SALLYPORT_NOTHING_IGNORED is set), 1 one is not, 2 wrong usage.`;

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const SHOWN_CHARACTERS = 100;

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const complain = (line: string) => Deno.stderr.writeSync(encoder.encode(`${line}\n`));

function describe({ file, find, put, by, test }: Mutant): string {
  return `${file}: ${shown(find)} → ${shown(put)}, by ${by}${test === undefined ? "" : `, "${test}"`}`;
}

/** An excerpt of program text in one line. */
function shown(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return `\`${line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line}\``;
}

function wholeNumber(value: string | undefined, name: string, least: number): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value) || Number(value) < least) throw new RangeError(`--${name} takes a number from ${least}`);
  return Number(value);
}

interface Options {
  readonly only?: string;
  readonly changed?: number;
  readonly sample?: number;
  readonly seed: number;
  readonly jobs: number;
  readonly list: boolean;
  readonly json: boolean;
}

/** @throws {RangeError} With what is wrong. */
function readOptions(args: readonly string[]): Options {
  const given = parseArgs(args.map((arg) => arg === "--changed" ? "--changed=1" : arg), {
    string: ["only", "changed", "sample", "seed", "jobs"],
    boolean: ["list", "json"],
    unknown: (arg: string) => {
      throw new RangeError(`what is ${arg}?`);
    },
  }) as Record<string, string | undefined> & { list: boolean; json: boolean };
  const changed = wholeNumber(given.changed, "changed", 1);
  const sample = wholeNumber(given.sample, "sample", 1);
  return {
    ...(given.only === undefined ? {} : { only: given.only }),
    ...(changed === undefined ? {} : { changed }),
    ...(sample === undefined ? {} : { sample }),
    seed: wholeNumber(given.seed, "seed", 0) ?? seedOf(new Date()),
    jobs: wholeNumber(given.jobs, "jobs", 1) ?? navigator.hardwareConcurrency,
    list: given.list,
    json: given.json,
  };
}

async function choose({ only, changed, sample, seed }: Options): Promise<readonly Mutant[]> {
  let chosen: readonly Mutant[] = MUTANTS;
  if (only !== undefined) chosen = withText(chosen, only);
  if (changed !== undefined) chosen = ofFiles(chosen, await changedFiles(ROOT, changed));
  return sample === undefined ? chosen : sampleOf(chosen, sample, seed);
}

/** The time since `began`, as minutes and seconds. */
function since(began: number): string {
  const seconds = Math.round((performance.now() - began) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function countsOf(outcomes: readonly Outcome[]): Partial<Record<Verdict, number>> {
  const counts: Partial<Record<Verdict, number>> = {};
  for (const { verdict } of outcomes) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

/** Tries the chosen mutants; the result is the exit status. */
async function proveThem(mutants: readonly Mutant[], { seed, sample, jobs, json }: Options): Promise<number> {
  const began = performance.now();
  const say = json ? complain : print;
  say(`${mutants.length} of ${MUTANTS.length} mutants, ${jobs} at a time${sample ? `, seed ${seed}` : ""}`);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupt);
  const outcomes = await prove(mutants, {
    root: ROOT,
    files: await repositoryFiles(ROOT),
    jobs,
    signal: stop.signal,
    onBaseline: (test, done, total) => say(`[without mutants ${done}/${total} ${since(began)}] ${test}`),
    onOutcome({ mutant, verdict, detail, ms }, done, total) {
      const took = `${(ms / 1000).toFixed(1)} s`;
      say(`[${done}/${total} ${since(began)}] ${verdict.toUpperCase()} in ${took}: ${mutant.promise}`);
      say(`  ${describe(mutant)}`);
      say(`  ${verdict === "killed" ? `killed by "${detail}"` : detail.replaceAll("\n", "\n  ")}`);
    },
  });
  const counts = countsOf(outcomes);
  const bad = outcomes.filter(({ verdict }) => verdict !== "killed" && verdict !== "ignored");
  for (const { mutant, verdict } of bad) say(`${verdict.toUpperCase()} ${mutant.promise}\n  ${describe(mutant)}`);
  const summary = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`).join(", ");
  say(`${summary || "nothing tried"}, in ${since(began)}${stop.signal.aborted ? ", interrupted" : ""}`);
  if (json) {
    const results = outcomes.map(({ mutant, ...outcome }) => ({ ...mutant, ...outcome, ms: Math.round(outcome.ms) }));
    print(JSON.stringify({ seed: sample ? seed : null, seconds: (performance.now() - began) / 1000, counts, results }));
  }
  return exitStatus(outcomes, mutants.length, (Deno.env.get("SALLYPORT_NOTHING_IGNORED") ?? "") !== "");
}

/** 0 when all `tried` are killed; with `strict` none may be ignored. */
export function exitStatus(outcomes: readonly Outcome[], tried: number, strict: boolean): number {
  const good = outcomes.filter(({ verdict }) => verdict === "killed" || verdict === "ignored" && !strict);
  return good.length === tried ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    print(USAGE);
    return 0;
  }
  let options: Options;
  let mutants: readonly Mutant[];
  try {
    options = readOptions(args);
    mutants = await choose(options);
  } catch (error) {
    complain(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  if (options.list) {
    for (const mutant of mutants) print(`${mutant.area}: ${mutant.promise}\n  ${describe(mutant)}`);
    print(`${mutants.length} of ${MUTANTS.length} mutants`);
    return 0;
  }
  return await proveThem(mutants, options);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
