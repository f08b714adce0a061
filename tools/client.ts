/** Builds the npm package of the client library in `client/dist`: one minified module, its types, the licence. */
import { join } from "node:path";
import { DENO, print, ROOT, run } from "./project.ts";

export const CLIENT = join(ROOT, "client");

/**
 * Bundles the library and writes its types. The project's configuration is ignored, because the library has no
 * dependencies and its types must not need those of the server.
 *
 * @throws {Error} with the output of `deno bundle`
 */
export async function buildClient(directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  const { code, output } = await run(DENO, [
    "bundle",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--minify",
    "--platform",
    "browser",
    "--declaration",
    "--outdir",
    directory,
    join(CLIENT, "mod.ts"),
  ], { quiet: true });
  if (code !== 0) throw new Error(`deno bundle: ${output}`);
  await Deno.copyFile(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
}

if (import.meta.main) {
  const directory = join(CLIENT, "dist");
  await buildClient(directory);
  const { size } = await Deno.stat(join(directory, "mod.js"));
  print(
    `${directory}: mod.js (${size} bytes), mod.d.ts; publish with: cd client && npm publish`,
  );
}
