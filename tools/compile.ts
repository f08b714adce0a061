/**
 * Builds one executable with the server's permissions:
 *
 *     deno task compile [--target TARGET]… [--all] [--output DIR]
 *
 * Without a target the result is `sallyport` for this machine; with one, `sallyport-TARGET`. `SHA256SUMS` covers all of
 * them. Deno downloads the runtime of the executable; where that is impossible, DENORT_BIN names a file with it.
 *
 * The input is the bundle: `deno compile` from 2.9.0 to at least 2.9.6 overflows its stack on packages such as
 * prom-client (denoland/deno#36746). Both installations therefore run the same program.
 */
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "node:path";
import { bundleProgram, MAIN } from "./bundle.ts";
import { DENO, DIST, print, type Project, readProject, run, serverFlags, writeSums } from "./project.ts";

/** Targets of `deno compile`. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

/** Arguments of `deno` that compile the bundle of the files `names` to `output`, in the folder of the bundle. */
export function compileArguments(
  project: Project,
  names: readonly string[],
  output: string,
  target?: string,
): string[] {
  return [
    "compile",
    // The path of the executable is unknown, so its permission to run itself can't be limited to it.
    ...serverFlags(project).map((flag) => flag.replace(/^--allow-run=.*/, "--allow-run")),
    ...project.unstable.map((name) => `--unstable-${name}`),
    // Nothing outside of the bundle, and no code cache in a folder that others could write to.
    ...["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check", "--no-code-cache"],
    ...names.filter((name) => name !== MAIN).flatMap((name) => ["--include", name]),
    ...(target === undefined ? [] : ["--target", target]),
    ...["--output", output],
    MAIN,
  ];
}

/** Compiles the bundle in `folder`, and prints the embedded files. */
async function compile(folder: string, names: readonly string[], output: string, target?: string): Promise<boolean> {
  const { code } = await run(DENO, compileArguments(await readProject(), names, output, target), { cwd: folder });
  return code === 0;
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, { string: ["target", "output"], boolean: ["all"], collect: ["target"] });
  const unknown = (options.target as string[]).filter((target) => !(TARGETS as readonly string[]).includes(target));
  if (unknown.length > 0 || options._.length > 0) {
    print(`usage: deno task compile [--target TARGET]… [--all] [--output DIR]\ntargets: ${TARGETS.join(", ")}`);
    return 2;
  }
  const directory = options.output ? resolve(options.output) : DIST;
  await Deno.mkdir(directory, { recursive: true });
  const targets: (string | undefined)[] = options.all ? [...TARGETS] : options.target;
  const made: string[] = [];
  const folder = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    const names = await bundleProgram(folder);
    for (const target of targets.length > 0 ? targets : [undefined]) {
      const name = target === undefined ? "sallyport" : `sallyport-${target}`;
      if (await compile(folder, names, `${directory}/${name}`, target)) {
        made.push(target?.includes("windows") ? `${name}.exe` : name);
        continue;
      }
      print(
        `${name} could not be made. If Deno's runtime can't be downloaded here, set DENORT_BIN to a denort file of the same version.`,
      );
      return 1;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  await writeSums(directory, made);
  print(`${directory}: ${made.join(", ")}, SHA256SUMS`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
