/**
 * Makes one file of a handler module and the npm packages that it imports:
 *
 *     deno task handler:bundle FILE [--output OUT.js]
 *
 * The file is FILE with the ending `.bundle.js`, or OUT.js. `zod` is not put in: a cell has it. Packages are found as `deno check`
 * finds them: by `npm:` imports, a `deno.json` or a `package.json` in or above the folder of FILE.
 */
import { parseArgs } from "@std/cli/parse-args";
import { basename, dirname, resolve } from "node:path";
import { DENO, print, run } from "./project.ts";

/** The modules that a cell lets a handler import, beside files. */
const OF_THE_CELL = ["zod"];

/** Where the bundle of a module goes unless said otherwise. */
export function bundlePath(file: string): string {
  return file.replace(/(?:\.[cm]?[jt]s)?$/, ".bundle.js");
}

/**
 * Bundles a module.
 *
 * @throws {Error} with the output of `deno bundle`, or with the imports that no cell allows; no file is left then
 */
export async function bundleHandler(file: string, output: string): Promise<void> {
  const flags = ["--quiet", "--platform", "browser", ...OF_THE_CELL.flatMap((name) => ["--external", name])];
  const cwd = dirname(file);
  const { code, output: said } = await run(DENO, ["bundle", ...flags, "--output", output, basename(file)], {
    quiet: true,
    cwd,
  });
  if (code !== 0) throw new Error(`deno bundle: ${said}`);
  const refused = (await importsOf(output)).filter((specifier) => !OF_THE_CELL.includes(specifier));
  if (refused.length === 0) return;
  await Deno.remove(output);
  const listed = refused.map((specifier) => JSON.stringify(specifier)).join(", ");
  throw new Error(`A cell allows no import of ${listed}. Use a package that needs no built-in modules`);
}

/** The modules that a file imports. */
async function importsOf(path: string): Promise<string[]> {
  const { stdout } = await run(DENO, ["info", "--json", "--no-config", "--no-lock", path], {
    quiet: true,
    cwd: dirname(path),
  });
  const { roots, modules } = JSON.parse(stdout) as {
    roots: string[];
    modules: { specifier: string; dependencies?: { specifier: string }[] }[];
  };
  const root = modules.find(({ specifier }) => specifier === roots[0]);
  if (root === undefined) throw new Error(`deno info says nothing of ${path}`);
  return (root.dependencies ?? []).map(({ specifier }) => specifier);
}

if (import.meta.main) {
  const { _: [file, ...more], output, ...unknown } =
    (parseArgs as (words: string[], options: object) => Record<string, unknown> & { _: string[]; output?: string })(
      Deno.args,
      { string: ["_", "output"] },
    );
  if (file === undefined || more.length > 0 || Object.keys(unknown).length > 0) {
    print("usage: deno task handler:bundle FILE [--output OUT.js]");
    Deno.exit(2);
  }
  // A task runs in the project's folder, whatever folder it is called from.
  const from = (path: string) => resolve(Deno.env.get("INIT_CWD") ?? ".", path);
  const target = from(output ?? bundlePath(file));
  try {
    await bundleHandler(from(file), target);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
  print(`${target}: ${(await Deno.stat(target)).size} bytes`);
}
