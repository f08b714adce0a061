/**
 * Builds the bundle, for machines with Deno:
 *
 *     deno task bundle [--output DIR]
 *
 * The folder contains `sallyport.js`, a module for each role and worker with all dependencies, the examples, `run` with
 * the permissions, the unit and configuration, and `SHA256SUMS`. Copy it to /usr/local/lib/sallyport, and run `./run
 * serve --config FILE`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, join, relative, resolve } from "node:path";
import { DENO, DIST, files, print, type Project, readProject, ROOT, run, serverFlags, writeSums } from "./project.ts";
import { findReferences, localModules, type Reference } from "./references.ts";

/** The bundle's main module. */
export const MAIN = "sallyport.js";
const INSTALLED = "/usr/local/lib/sallyport";
/** Path of Deno in the unit. */
const DENO_INSTALLED = "/usr/local/bin/deno";
const DEPLOYED = [
  "sallyport.service",
  "sallyport.toml",
  "redis.acl",
  "letsencrypt-hook.sh",
  "nginx.conf",
  "haproxy.cfg",
  "Caddyfile",
]
  .map((name) => `deploy/${name}`);

/**
 * Writes the program into a folder: the main module, worker entries as separate modules, and the files they read, at
 * the expected paths. Returns the names of the written files.
 */
export async function bundleProgram(directory: string): Promise<string[]> {
  const references = await findReferences("main.ts");
  const made = [await bundleModule("main.ts", directory, references)];
  const targets = new Map(references.map(({ to, kind }) => [to, kind]));
  for (const [target, kind] of targets) {
    if (kind === "module") made.push(await bundleModule(target, directory, references));
    else if (kind === "data") made.push(...await copy(target, directory));
  }
  return made;
}

/** Bundles one module, with references rewritten to paths of the bundle. */
async function bundleModule(entry: string, directory: string, references: readonly Reference[]): Promise<string> {
  const output = join(directory, placeOf(entry));
  await Deno.mkdir(dirname(output), { recursive: true });
  const { code, output: text } = await run(
    DENO,
    ["bundle", "--frozen", "--packages", "bundle", "--platform", "deno", "--output", output, entry],
    { quiet: true },
  );
  if (code !== 0) throw new Error(`deno bundle ${entry}: ${text}`);
  const modules = new Set(await localModules(entry));
  const places = new Map<string, string>();
  for (const { from, literal, to } of references) {
    if (!modules.has(from)) continue;
    const place = `./${relative(dirname(placeOf(entry)), placeOf(to))}${literal.endsWith("/") ? "/" : ""}`;
    if ((places.get(literal) ?? place) !== place) throw new Error(`"${literal}" stands for two files in ${entry}`);
    places.set(literal, place);
  }
  let source = await Deno.readTextFile(output);
  for (const [literal, place] of places) {
    source = source.replaceAll(`new URL("${literal}", import.meta.url)`, `new URL("${place}", import.meta.url)`)
      .replaceAll(`import.meta.resolve("${literal}")`, `import.meta.resolve("${place}")`);
  }
  await Deno.writeTextFile(output, source);
  return placeOf(entry);
}

/** Path of a repository file in the bundle. Handlers stay unchanged; program code becomes JavaScript. */
function placeOf(path: string): string {
  if (path === "main.ts") return MAIN;
  return path.startsWith("lib/") ? path.replace(/\.ts$/, ".js") : path;
}

/** Copies a file or folder recursively. */
async function copy(path: string, directory: string): Promise<string[]> {
  const names = await files(ROOT, path);
  for (const name of names) {
    await Deno.mkdir(dirname(join(directory, name)), { recursive: true });
    await Deno.copyFile(join(ROOT, name), join(directory, name));
  }
  return names;
}

/** Flags of Deno for the bundle: the server's permissions, and nothing but the files of the bundle. */
export function bundleFlags(project: Project): string[] {
  return [...serverFlags(project, DENO_INSTALLED), "--no-config", "--no-lock", "--no-remote"]
    .concat(project.unstable.map((name) => `--unstable-${name}`));
}

/** The unit for machines with Deno: another program, the same confinement. */
export function unitForDeno(unit: string, flags: readonly string[]): string {
  const start = `ExecStart=${DENO_INSTALLED} run ${flags.join(" ")} ${INSTALLED}/${MAIN} `;
  return unit.replace("ExecStart=/usr/local/bin/sallyport ", start)
    .replace("ExecPaths=/usr/local/bin/sallyport ", "ExecPaths=")
    .replace("-/usr/local/bin/deno", "/usr/local/bin/deno");
}

/** The script that starts the bundle with the server's permissions; `deno` is from PATH unless DENO names another. */
export function runScript(flags: readonly string[]): string {
  return `#!/bin/sh
# Runs Sallyport with the permissions it needs at start; it gives most of them up once it listens.
# The one program it may run is Deno itself, which has to be named by its whole path.
deno="$("\${DENO:-deno}" eval --no-config 'console.log(Deno.execPath())')" || exit 1
exec "$deno" run ${flags.join(" ").replace(/--allow-run=\S+/, '"--allow-run=$deno"')} "$(dirname "$0")/${MAIN}" "$@"
`;
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, { string: ["output"] });
  const directory = options.output ? resolve(options.output) : DIST;
  const flags = bundleFlags(await readProject());
  const made = await bundleProgram(directory);
  for (const path of DEPLOYED) made.push(...await copy(path, directory));
  const unit = join(directory, "deploy/sallyport.service");
  await Deno.writeTextFile(unit, unitForDeno(await Deno.readTextFile(unit), flags));
  await Deno.writeTextFile(join(directory, "run"), runScript(flags));
  await Deno.chmod(join(directory, "run"), 0o755);
  made.push("run");
  await writeSums(directory, made);
  print(`${directory}: ${made.join(", ")}, SHA256SUMS`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
