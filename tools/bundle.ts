/**
 * Makes what a machine that has Deno needs, and nothing else from anywhere:
 *
 *     deno task bundle [--output DIR]
 *
 * `sallyport.js` with every dependency in it, the files it starts workers from, the examples, `run` with the permissions, the
 * unit and configuration, `SHA256SUMS`. Copy the folder to /usr/local/lib/sallyport, run `./run serve --config FILE`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, join, relative, resolve } from "node:path";
import { DENO, DIST, print, readProject, ROOT, run, serverFlags, sha256Sums } from "./project.ts";
import { findReferences, localModules, type Reference } from "./references.ts";

const MAIN = "sallyport.js";
const INSTALLED = "/usr/local/lib/sallyport";
const DEPLOYED = ["deploy/sallyport.service", "deploy/sallyport.toml"];

/** Bundles one module into `directory`, its references rewritten to where the bundle has them. */
async function bundle(entry: string, directory: string, references: readonly Reference[]): Promise<void> {
  const output = join(directory, placeOf(entry));
  await Deno.mkdir(dirname(output), { recursive: true });
  const { code, output: text } = await run(
    DENO,
    ["bundle", "--frozen", "--packages", "bundle", "--platform", "deno", "--output", output, entry],
    { quiet: true },
  );
  if (code !== 0) throw new Error(`deno bundle ${entry}: ${text}`);
  const modules = new Set(await localModules(entry));
  let source = await Deno.readTextFile(output);
  const places = new Map<string, string>();
  for (const { from, literal, to } of references) {
    if (!modules.has(from)) continue;
    const place = `./${relative(dirname(placeOf(entry)), placeOf(to))}`;
    if ((places.get(literal) ?? place) !== place) throw new Error(`"${literal}" stands for two files in ${entry}`);
    places.set(literal, place);
  }
  for (const [literal, place] of places) {
    source = source.replaceAll(`new URL("${literal}", import.meta.url)`, `new URL("${place}", import.meta.url)`)
      .replaceAll(`import.meta.resolve("${literal}")`, `import.meta.resolve("${place}")`);
  }
  await Deno.writeTextFile(output, source);
}

/** Where a file of the repository is in the bundle. Handlers stay as they are; what runs inside is JavaScript. */
function placeOf(path: string): string {
  if (path === "main.ts") return MAIN;
  return isHandler(path) ? path : path.replace(/\.ts$/, ".js");
}

function isHandler(path: string): boolean {
  return path.startsWith("examples/");
}

/** Starts the bundle with the server's permissions; `deno` is the one in PATH unless DENO names another. */
function runScript(flags: readonly string[]): string {
  return `#!/bin/sh
# Runs Sallyport with the permissions it needs at start; it gives most of them up once it listens.
exec "\${DENO:-deno}" run ${flags.join(" ")} "$(dirname "$0")/${MAIN}" "$@"
`;
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, { string: ["output"] });
  const directory = options.output ? resolve(options.output) : DIST;
  const project = await readProject();
  const flags = [...serverFlags(project), "--no-config", "--no-lock", "--no-remote"]
    .concat(project.unstable.map((name) => `--unstable-${name}`));
  const references = await findReferences("main.ts");
  const entries = new Set(references.filter((reference) => !reference.folder).map((reference) => reference.to));
  const made = [MAIN];
  await bundle("main.ts", directory, references);
  for (const entry of entries) {
    made.push(placeOf(entry));
    if (/\.[jt]s$/.test(entry) && !isHandler(entry)) await bundle(entry, directory, references);
    else await copy(entry, directory);
  }
  for (const path of DEPLOYED) {
    made.push(path);
    await copy(path, directory);
  }
  const unit = join(directory, "deploy/sallyport.service");
  const start = `ExecStart=/usr/local/bin/deno run ${flags.join(" ")} ${INSTALLED}/${MAIN} `;
  await Deno.writeTextFile(
    unit,
    (await Deno.readTextFile(unit)).replace("ExecStart=/usr/local/bin/sallyport ", start)
      .replace("ExecPaths=/usr/local/bin/sallyport ", "ExecPaths=").replace(
        "-/usr/local/bin/deno",
        "/usr/local/bin/deno",
      ),
  );
  await Deno.writeTextFile(join(directory, "run"), runScript(flags), { mode: 0o755 });
  made.push("run");
  await Deno.writeTextFile(join(directory, "SHA256SUMS"), await sha256Sums(directory, made));
  print(`${directory}: ${made.join(", ")}, SHA256SUMS`);
  return 0;
}

async function copy(path: string, directory: string): Promise<void> {
  await Deno.mkdir(dirname(join(directory, path)), { recursive: true });
  await Deno.copyFile(join(ROOT, path), join(directory, path));
}

if (import.meta.main) Deno.exit(await main());
