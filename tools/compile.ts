/**
 * Makes one executable, with the server's permissions baked in:
 *
 *     deno task compile [--target TARGET]… [--all] [--output DIR]
 *
 * Without a target it is `sallyport` for this machine; with one `sallyport-TARGET`. `SHA256SUMS` beside them covers all of
 * them. Deno fetches the runtime it puts into the executable; where that is not possible, DENORT_BIN names a file with it.
 */
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "node:path";
import { DENO, DIST, print, readProject, run, serverFlags, sha256Sums } from "./project.ts";
import { findReferences } from "./references.ts";

/** What Deno can compile for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

/** The arguments of `deno` that make `output`, for this machine unless a target is given. */
export async function compileArguments(output: string, target?: string): Promise<string[]> {
  const flags = serverFlags(await readProject());
  const named = (await findReferences("main.ts")).filter((reference) => !reference.folder);
  const included = new Set(named.map((reference) => reference.to));
  return [
    "compile",
    ...flags,
    // The same input makes the same program, and nothing is cached in a folder that others could write to.
    ...["--frozen", "--no-code-cache", "--exclude-unused-npm"],
    ...[...included].sort().flatMap((path) => ["--include", path]),
    ...(target === undefined ? [] : ["--target", target]),
    ...["--output", output],
    "main.ts",
  ];
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
  for (const target of targets.length > 0 ? targets : [undefined]) {
    const name = target === undefined ? "sallyport" : `sallyport-${target}`;
    const { code } = await run(DENO, await compileArguments(`${directory}/${name}`, target));
    if (code === 0) continue;
    print(`${name} could not be made. If Deno's runtime can't be fetched here, set DENORT_BIN to a file with it.`);
    return 1;
  }
  const names = [...Deno.readDirSync(directory)].filter((entry) =>
    entry.isFile && /^sallyport(-|\.exe$|$)/.test(entry.name)
  );
  await Deno.writeTextFile(`${directory}/SHA256SUMS`, await sha256Sums(directory, names.map((entry) => entry.name)));
  print(`${directory}: ${names.map((entry) => entry.name).join(", ")}, SHA256SUMS`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
