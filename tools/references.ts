/**
 * Finds the files that the program references at run time instead of importing them: worker entries and the folder of
 * the examples, written as `new URL("./x.ts", import.meta.url)` or `import.meta.resolve("./x.ts")`. `deno compile` and
 * `deno bundle` do not follow these.
 */
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DENO, ROOT, run } from "./project.ts";

/** A reference in a module, and the file or folder it stands for; paths are relative to the repository. */
export interface Reference {
  readonly from: string;
  /** The text between the quotation marks. */
  readonly literal: string;
  readonly to: string;
  /** `module`: code of the program. `data`: read, or a handler. `name`: only the path is used. */
  readonly kind: "module" | "data" | "name";
}

const PATTERN = /(?:new URL\(|import\.meta\.resolve\()\s*"(\.{1,2}\/[^"\n]+)"/g;

/** All references of the modules that `entry` imports, and transitively of referenced modules. */
export async function findReferences(entry: string): Promise<Reference[]> {
  const found: Reference[] = [];
  const seen = new Set<string>();
  const waiting = [entry];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const module of await localModules(next)) {
      if (seen.has(module)) continue;
      seen.add(module);
      const source = await Deno.readTextFile(resolve(ROOT, module));
      for (const [, literal] of source.matchAll(PATTERN)) {
        const to = relative(ROOT, resolve(ROOT, dirname(module), literal!));
        const kind = await kindOf(to);
        found.push({ from: module, literal: literal!, to, kind });
        if (kind === "module") waiting.push(to);
      }
    }
  }
  return found;
}

/**
 * The files of the repository that a module imports, itself included, relative to the repository. Only standard output
 * is JSON: with an empty cache, `deno info` reports downloads on standard error.
 */
export async function localModules(entry: string, deno = DENO): Promise<string[]> {
  const { code, stdout, output } = await run(deno, ["info", "--json", entry], { quiet: true });
  if (code !== 0) throw new Error(`deno info ${entry}: ${output}`);
  const graph = JSON.parse(stdout) as { modules: { specifier: string; error?: string }[] };
  const missing = graph.modules.filter((module) => module.error !== undefined);
  if (missing.length > 0) throw new Error(missing.map((module) => module.error).join("\n"));
  return graph.modules.filter((module) => module.specifier.startsWith("file://"))
    .map((module) => relative(ROOT, fileURLToPath(module.specifier)));
}

async function kindOf(path: string): Promise<Reference["kind"]> {
  if (path === "main.ts") return "name";
  const inside = path.startsWith("lib/");
  if (inside && (await Deno.stat(resolve(ROOT, path))).isDirectory) return "name";
  return inside && /\.[jt]s$/.test(path) ? "module" : "data";
}
