/**
 * Runs the properties of tests/fuzz with new seeds until the time is up:
 *
 *     deno task fuzz --minutes 5 [--seed N]
 *
 * Prints the first seed (the same seed gives the same inputs) and the progress. A counterexample is stored in
 * tests/fuzz/findings/, and the tests run it from then on. Exit status: 0 nothing found, 1 found, 2 wrong usage.
 */
import { parseArgs } from "@std/cli/parse-args";
import { keepFinding } from "../tests/fuzz/findings.ts";
import { properties } from "../tests/fuzz/properties.ts";

const RUNS_EACH = 200;
const PROGRESS_EVERY_MS = 10_000;

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const options = parseArgs(Deno.args, { string: ["minutes", "seed"], default: { minutes: "1" } });
const minutes = Number(options.minutes);
const firstSeed = options.seed === undefined ? Math.floor(Math.random() * 0x7fff_ffff) : Number(options.seed);
if (!(minutes > 0) || !Number.isInteger(firstSeed)) {
  print("usage: deno task fuzz [--minutes N] [--seed INTEGER]   N may be a fraction: 0.1 is six seconds");
  Deno.exit(2);
}

print(`seed ${firstSeed}, ${minutes} minutes, ${properties.length} properties`);
const until = performance.now() + minutes * 60_000;
let progressAt = performance.now() + PROGRESS_EVERY_MS;
let inputs = 0;
const broken = new Set<string>();

for (let seed = firstSeed; performance.now() < until; seed = (seed + 1) & 0x7fff_ffff) {
  for (const property of properties) {
    // A failed property is not searched again: its counterexample is stored, and the others get the time.
    if (broken.has(property.name) || performance.now() >= until) continue;
    const found = property.check({ seed, numRuns: RUNS_EACH });
    inputs += RUNS_EACH;
    if (found !== null) {
      broken.add(property.name);
      print(`FAILED ${property.name} (seed ${seed}): ${found.error}\n  kept in ${await keepFinding(found)}`);
    }
  }
  if (performance.now() >= progressAt) {
    print(`${inputs} inputs, ${broken.size} failed, at seed ${seed}`);
    progressAt += PROGRESS_EVERY_MS;
  }
}

print(`done: ${inputs} inputs, ${broken.size} of ${properties.length} properties failed`);
Deno.exit(broken.size === 0 ? 0 : 1);
