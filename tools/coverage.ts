/**
 * Runs tests and prints the branches and lines of `lib/` that they reach, by folder:
 *
 *     deno task coverage [TEST]…
 *
 * Without TEST all tests run. Processes that the tests start are measured if they inherit the environment and end by
 * themselves. A cell inherits nothing and is killed, so what only a cell runs counts as not reached.
 */
import { join } from "node:path";
import { DENO, print, ROOT, run } from "./project.ts";

/** Branches and lines of a folder that tests reach, and all of them. */
export interface Reached {
  readonly branches: readonly [reached: number, all: number];
  readonly lines: readonly [reached: number, all: number];
}

/** The folder of the table in which a file of the repository is counted. */
export function folderOf(path: string): string {
  const [top, folder = "", part = ""] = path.split("/");
  return folder === "sandbox" && !part.endsWith(".ts") ? `${top}/${folder}/${part}` : `${top}/${folder}`;
}

/** Sums a report in the format of lcov by the folders of `root`. A branch or line that is there twice is reached once. */
export function byFolder(lcov: string, root: string): Map<string, Reached> {
  const seen = { branches: new Map<string, boolean>(), lines: new Map<string, boolean>() };
  let file = "";
  for (const line of lcov.split("\n")) {
    const [, kind, text = ""] = /^([A-Z]+):(.*)$/.exec(line) ?? [];
    if (kind === "SF") file = text.replace(`${root}/`, "");
    if (kind !== "BRDA" && kind !== "DA") continue;
    const fields = text.split(",");
    const count = fields[kind === "DA" ? 1 : 3];
    const key = [file, ...fields.slice(0, kind === "DA" ? 1 : 3)].join();
    const counted = kind === "DA" ? seen.lines : seen.branches;
    counted.set(key, counted.get(key) === true || Number(count) > 0);
  }
  const folders = new Map<string, { branches: [number, number]; lines: [number, number] }>();
  for (const what of ["branches", "lines"] as const) {
    for (const [key, reached] of seen[what]) {
      const folder = folderOf(key.slice(0, key.indexOf(",")));
      const sums = folders.get(folder) ?? { branches: [0, 0], lines: [0, 0] };
      folders.set(folder, sums);
      sums[what][0] += reached ? 1 : 0;
      sums[what][1]++;
    }
  }
  return new Map([...folders].sort(([a], [b]) => a < b ? -1 : 1));
}

/** A row of the table: `| lib/gate | 100.0 % (6) | 100.0 % |`. */
export function row(folder: string, { branches, lines }: Reached): string {
  const percent = ([reached, all]: readonly [number, number]) =>
    all === 0 ? "–" : `${(100 * reached / all).toFixed(1)} %`;
  return `| ${folder} | ${percent(branches)} (${branches[1]}) | ${percent(lines)} |`;
}

/** Removes records that a killed process left unfinished: the report fails on them. */
export async function removeUnfinished(folder: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !name.endsWith(".json")) continue;
    const path = join(folder, name);
    try {
      JSON.parse(await Deno.readTextFile(path));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      await Deno.remove(path);
    }
  }
}

async function main(tests: readonly string[]): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-coverage-" });
  try {
    const tested = await run(
      DENO,
      ["test", "--no-check", "--no-prompt", "-A", "--coverage-raw-data-only", `--coverage=${folder}`, ...tests],
      { env: { DENO_COVERAGE_DIR: folder } },
    );
    await removeUnfinished(folder);
    const report = join(folder, "lcov");
    const made = await run(DENO, ["coverage", "--lcov", `--output=${report}`, "--include=/lib/", folder], {
      quiet: true,
    });
    if (made.code !== 0) throw new Error(`deno coverage: ${made.output}`);
    print("| folder | branches (all) | lines |\n| --- | --- | --- |");
    for (const [name, reached] of byFolder(await Deno.readTextFile(report), ROOT)) print(row(name, reached));
    return tested.code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args.length > 0 ? Deno.args : ["tests/"]));
