/** Where a handler module is in fact: links are resolved, so that only what lies in its real folder can be imported. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The real path of a module's file (a path or a `file:` URL). Throws what `Deno.realPathSync` throws. */
export function moduleFile(module: string): string {
  return Deno.realPathSync(module.startsWith("file:") ? fileURLToPath(module) : module);
}

/** The real path of the folder that a module may import from. */
export function moduleFolder(module: string): string {
  return dirname(moduleFile(module));
}
