/**
 * What the program names at run time rather than imports: worker entries, the folder of the examples, written as
 * `new URL("./x.ts", import.meta.url)` or `import.meta.resolve("./x.ts")`. Neither `deno compile` nor `deno bundle` follows these.
 */
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DENO, ROOT, run } from "./project.ts";

/** A name in the source of one module, and the file or folder it stands for; paths are relative to the repository. */
export interface Reference {
  readonly from: string;
  /** The words as written, between the quotation marks. */
  readonly literal: string;
  readonly to: string;
  /** `module` runs inside the program, `data` is only read or is a handler, of a `name` nothing is needed but its place. */
  readonly kind: "module" | "data" | "name";
}

const PATTERN = /(?:new URL\(|import\.meta\.resolve\()\s*"(\.{1,2}\/[^"\n]+)"/g;

/** All references of the modules that `entry` imports, of the modules those references import, and so on. */
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
 * The files of the repository that a module imports, itself included, relative to the repository. Only standard output is JSON:
 * with an empty cache `deno info` reports its downloads on standard error.
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
