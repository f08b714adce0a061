/** `version`: versions of this program and its runtime. */
import project from "../../deno.json" with { type: "json" };
import type { Io, ParsedArgs } from "./args.ts";

/** The version of Sallyport. */
export const VERSION: string = project.version;

/** Prints one line: `sallyport 0.1.0 (deno 2.9.6, v8 15.0…)`. */
// deno-lint-ignore require-await -- every command is called the same way
export async function version(_args: ParsedArgs, io: Io): Promise<number> {
  io.stdout(`sallyport ${VERSION} (deno ${Deno.version.deno}, v8 ${Deno.version.v8})`);
  return 0;
}
