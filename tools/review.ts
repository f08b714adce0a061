/**
 * The periodic review:
 *
 *     deno task review [--strict] [--fuzz-minutes N]
 *
 * Advisories, outdated packages, licences, bill of materials (dist/sbom.cdx.json), types, lint, regular expressions,
 * the shipped configuration, fuzzing, each mutant of tests/proof/. Prints a line for each; exit status 1 when one failed. What
 * needs the registry and can't reach it is skipped, and fails only with --strict, as do outdated packages.
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { accepted, lockedPackages } from "./licences.ts";
import { DENO, DIST, print, readProject, run } from "./project.ts";
import { cycloneDx } from "./sbom.ts";
import { layOutShippedConfig } from "./shipped_config.ts";

export type Verdict = "ok" | "failed" | "skipped" | "attention";
export type Outcome = { readonly verdict: Verdict; readonly detail: string };
export type Step = { readonly name: string; run(): Promise<Outcome> };

const UNREACHABLE = /client error|connect|dns|resolve host|certificate|timed? ?out|unreachable|error sending request/i;

const ok = (detail: string): Outcome => ({ verdict: "ok", detail });
const failed = (detail: string): Outcome => ({ verdict: "failed", detail });

async function advisories(): Promise<Outcome> {
  const { code, output } = await run(DENO, ["audit"], { quiet: true });
  if (code === 0) return ok("no known vulnerability");
  if (UNREACHABLE.test(output) && !/severity/i.test(output)) {
    return { verdict: "skipped", detail: "the registry can't be reached" };
  }
  return failed(output);
}

async function outdated(): Promise<Outcome> {
  const { code, output } = await run(DENO, ["outdated"], { quiet: true });
  if (code !== 0) {
    return UNREACHABLE.test(output) ? { verdict: "skipped", detail: "the registry can't be reached" } : failed(output);
  }
  return output.includes("│") ? { verdict: "attention", detail: output } : ok("every package is the latest");
}

async function licences(): Promise<Outcome> {
  const packages = await lockedPackages();
  const list = packages.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`).join("\n");
  const wrong = packages.filter(({ licence }) => !accepted(licence));
  if (wrong.length > 0) return failed(wrong.map(({ name, licence }) => `${name}: ${licence}`).join(", "));
  return ok(`${packages.length} packages\n${list}`);
}

async function billOfMaterials(): Promise<Outcome> {
  const { version } = await readProject();
  const { specifiers } = JSON.parse(await Deno.readTextFile(join(DIST, "../deno.lock"))) as {
    specifiers: Record<string, string>;
  };
  const direct = Object.keys(specifiers).map((name) => name.replace(/^npm:/, "").replace(/(?<=.)@.*$/, ""));
  await Deno.mkdir(DIST, { recursive: true });
  await Deno.writeTextFile(join(DIST, "sbom.cdx.json"), cycloneDx(version, await lockedPackages(), direct));
  return ok("dist/sbom.cdx.json");
}

/** Runs Deno. A command that fails is a failed step. */
export async function command(args: string[]): Promise<Outcome> {
  const { code, output } = await run(DENO, args, { quiet: true });
  return code === 0 ? ok(output.trim().split("\n").at(-1) ?? "") : failed(output);
}

async function configuration(): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const path = await layOutShippedConfig(folder);
    return await command(["task", "-q", "check", "--strict", "--config", path]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["fuzz-minutes"],
    boolean: ["strict"],
    default: { "fuzz-minutes": "1" },
  });
  const steps: Step[] = [
    { name: "advisories", run: advisories },
    { name: "outdated", run: outdated },
    { name: "licences", run: licences },
    { name: "bill of materials", run: billOfMaterials },
    { name: "types", run: () => command(["check", "main.ts", "lib", "tools"]) },
    { name: "lint", run: () => command(["lint"]) },
    { name: "format", run: () => command(["fmt", "--check"]) },
    { name: "regular expressions", run: () => command(["test", "--no-prompt", "-A", "tests/ops/regex_test.ts"]) },
    { name: "shipped configuration", run: configuration },
    {
      name: "fuzz",
      run: () => command(["run", "--no-prompt", "-A", "tools/fuzz.ts", "--minutes", options["fuzz-minutes"]]),
    },
    { name: "proof", run: () => command(["task", "--quiet", "prove"]) },
  ];
  return await review(steps, options.strict);
}

/** Takes every step, and prints a line for each. The result is the exit status: 1 when a step failed. */
export async function review(
  steps: readonly Step[],
  strict: boolean,
  say: (line: string) => void = print,
): Promise<number> {
  const fatal: Verdict[] = strict ? ["failed", "skipped", "attention"] : ["failed"];
  let failures = 0;
  for (const step of steps) {
    let outcome: Outcome;
    try {
      outcome = await step.run();
    } catch (error) {
      outcome = failed(error instanceof Error ? error.message : String(error));
    }
    say(`${outcome.verdict.padEnd(9)} ${step.name}: ${outcome.detail}`);
    if (fatal.includes(outcome.verdict)) failures++;
  }
  say(failures === 0 ? "review: nothing to do" : `review: ${failures} of ${steps.length} need work`);
  return failures === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
