/** Decides, in the cell, which modules user code may import. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** What the guard is told once the module to load is known. */
export interface ImportRules {
  /** Real path of the folder that files may be imported from. */
  folder: string;
  /** True when the configuration grants imports from the network (which hosts, Deno checks). */
  network: boolean;
  /** True until the module has loaded. */
  loading: boolean;
  /** Has the process ended; must not return. */
  abandon: (reason: string) => never;
}

const { realPathSync } = Deno;

/** Kinds of file that are code, or data wherever `with { type }` says so. WebAssembly and CommonJS are neither. */
const CODE = /\.(?:ts|mts|js|mjs|json)$/;
const DATA = new Set(["json", "text", "bytes"]);

/**
 * From now on every import of this isolate, static or dynamic, `require` included, is refused but for files inside
 * `rules.folder` and `zod`. Built-in modules (`node:*`) would give back what the globals lost, `npm:` would download, `data:` is code
 * from text. `rules` is read at each import.
 *
 * A dynamic import is refused by an error. Deno goes on after an error when a module imports a built-in one statically, so then
 * the whole cell is given up, before any code of that module has run.
 */
export function guardImports(rules: ImportRules): void {
  const loaded = new Set<string>();
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "zod") return next(specifier, context);
      const refuse = (): never => {
        const reason = `Handlers may import files of their own folder, not ${JSON.stringify(specifier.slice(0, 200))}`;
        // Only modules that were there when loading ended are known to import dynamically by now.
        if (rules.loading || !loaded.has(context.parentURL ?? "")) rules.abandon(reason);
        throw new TypeError(reason);
      };
      if (/^(?:node|npm|jsr|data|blob|ext|internal):/i.test(specifier)) refuse();
      // A bare name or a built-in one; an import map could send it anywhere.
      if (!/^(?:\.{0,2}\/|file:|https?:)/i.test(specifier)) refuse();
      const resolved = next(specifier, context);
      const url = new URL(resolved.url);
      if (!(/^https?:$/.test(url.protocol) && rules.network)) {
        const type = (context.importAttributes as Record<string, string> | undefined)?.["type"] ?? "";
        const inside = url.protocol === "file:" && !/%2f|%5c|\/node_modules\//i.test(url.href) &&
          isInside(url, rules.folder);
        if (!inside || !(CODE.test(url.pathname) || DATA.has(type))) refuse();
      }
      if (rules.loading) loaded.add(url.href);
      return resolved;
    },
  });
}

/** Whether the file that `url` stands for, links resolved, lies in `folder`. */
function isInside(url: URL, folder: string): boolean {
  try {
    return realPathSync(fileURLToPath(url)).startsWith(`${folder}/`);
  } catch {
    return false;
  }
}
