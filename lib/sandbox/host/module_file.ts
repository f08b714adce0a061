/** Resolves the real path of a handler module, so that only files of its real folder can be imported. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The real path of a module's file (a path or a `file:` URL).
 *
 * @throws {Deno.errors.NotFound} or another error of `Deno.realPathSync`
 */
export function moduleFile(module: string): string {
  return Deno.realPathSync(module.startsWith("file:") ? fileURLToPath(module) : module);
}

/** The real path of the folder that a module may import from. */
export function moduleFolder(module: string): string {
  return dirname(moduleFile(module));
}
