/** The remedy for an import that a cell refuses. */

const PACKAGE = '"deno task handler:bundle FILE" makes one file of a module and its packages';
const NETWORK = "permissions.import of the configuration can grant its host";
const OUTSIDE = "it must lie in that folder, not be hidden, and be .ts, .mts, .js, .mjs or .json";

/** By the specifier, where the guard of the cell refuses. */
export function remedyFor(specifier: string): string {
  if (/^node:/i.test(specifier)) return "a cell has no built-in modules";
  if (/^(?:data|blob|ext|internal):/i.test(specifier)) return "code comes from files";
  if (/^https?:/i.test(specifier)) return NETWORK;
  return /^(?:\.{0,2}\/|file:)/i.test(specifier) ? OUTSIDE : PACKAGE;
}

/** By the message of Deno, which refuses static imports before the guard is asked; undefined for what is no refusal. */
export function remedyIn(message: string): string | undefined {
  if (/^Requires read access to /.test(message)) return OUTSIDE;
  if (/\bjsr\b|\bnpm\b|not a dependency|lockfile is out of date/i.test(message)) return PACKAGE;
  return /^Requires import access to /.test(message) ? NETWORK : undefined;
}
