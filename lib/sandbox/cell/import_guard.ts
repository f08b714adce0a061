/** Restricts the imports of user code. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { remedyFor } from "./import_remedy.ts";

/** The rules of the guard, set once the module is known. */
export interface ImportRules {
  /** Real path of the folder that files may be imported from. */
  folder: string;
  /** True if the configuration grants imports from the network; Deno checks the hosts. */
  network: boolean;
  /** True until the module has loaded. */
  loading: boolean;
  /** Ends the process; must not return. */
  abandon: (reason: string) => never;
}

const { realPathSync } = Deno;

/** Extensions of code files. A file may be data by `with { type }`. WebAssembly and CommonJS are excluded. */
const CODE = /\.(?:ts|mts|js|mjs|json)$/;
const DATA = new Set(["json", "text", "bytes"]);

/**
 * From now on every import of this isolate, static or dynamic, `require` included, is refused except for files in
 * `rules.folder` and `zod`. Built-in modules (`node:*`) would restore deleted globals, `npm:` would download, `data:`
 * is code from text. `rules` is read at each import.
 *
 * A refused dynamic import throws. After a refused static import of a built-in module, Deno continues in spite of the
 * error, so the cell ends before code of the importing module runs.
 */
export function guardImports(rules: ImportRules): void {
  const loaded = new Set<string>();
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "zod") return next(specifier, context);
      const refuse = (): never => {
        const quoted = JSON.stringify(specifier.slice(0, 200));
        const reason = `Handlers may import files of their own folder and zod, not ${quoted}: ${remedyFor(specifier)}`;
        // Only modules that were loaded when loading ended are known to import dynamically.
        if (rules.loading || !loaded.has(context.parentURL ?? "")) rules.abandon(reason);
        throw new TypeError(reason);
      };
      if (/^(?:node|npm|jsr|data|blob|ext|internal):/i.test(specifier)) refuse();
      // A bare or built-in name; an import map could redirect it.
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

/** Whether the file of `url`, with links resolved, is in `folder`. */
function isInside(url: URL, folder: string): boolean {
  try {
    return realPathSync(fileURLToPath(url)).startsWith(`${folder}/`);
  } catch {
    return false;
  }
}
