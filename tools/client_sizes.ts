/**
 * Measures the client library beside others: bundled for browsers by esbuild, minified, gzipped. Prints the rows of the table in
 * `docs/client.md`:
 *
 *     deno run -A tools/client_sizes.ts
 *
 * The packages are installed in a folder of their own and removed with it.
 */
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { buildClient } from "./client.ts";
import { DENO, print, run } from "./project.ts";

/** The imports of a page that calls, subscribes and reconnects, by package. */
const OTHERS: readonly { name: string; version: string; source: string }[] = [
  { name: "partysocket", version: "1.3.0", source: `export { WebSocket } from "partysocket";` },
  { name: "graphql-ws", version: "6.4.2", source: `export { createClient } from "graphql-ws/client";` },
  { name: "phoenix", version: "1.8.16", source: `export { Socket } from "phoenix";` },
  { name: "socket.io-client", version: "4.8.4", source: `export { io } from "socket.io-client";` },
  { name: "centrifuge", version: "5.8.0", source: `export { Centrifuge } from "centrifuge";` },
];

interface Size {
  readonly minified: number;
  readonly gzipped: number;
}

function sizeOf(code: Uint8Array<ArrayBuffer>): Size {
  return { minified: code.length, gzipped: gzipSync(code, { level: 9 }).length };
}

async function measure(folder: string, name: string, version: string, source: string): Promise<Size> {
  const place = join(folder, name);
  await Deno.mkdir(place);
  await Deno.writeTextFile(join(place, "deno.json"), JSON.stringify({ nodeModulesDir: "auto" }));
  await Deno.writeTextFile(
    join(place, "package.json"),
    JSON.stringify({ type: "module", dependencies: { [name]: version } }),
  );
  await Deno.writeTextFile(join(place, "entry.js"), source);
  const steps = [
    ["install", "--quiet"],
    ["bundle", "--quiet", "--minify", "--platform", "browser", "--outdir", "out", "entry.js"],
  ];
  for (const args of steps) {
    const { code, output } = await run(DENO, args, { quiet: true, cwd: place });
    if (code !== 0) throw new Error(`${name}: deno ${args[0]}: ${output}`);
  }
  return sizeOf(await Deno.readFile(join(place, "out/entry.js")));
}

/** The library and the others, in the order of their size. @throws {Error} When a package can't be had or bundled. */
export async function measureSizes(): Promise<Map<string, Size>> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-sizes-" });
  try {
    await buildClient(join(folder, "own"));
    const sizes = new Map([["@sallyport/client", sizeOf(await Deno.readFile(join(folder, "own/mod.js")))]]);
    for (const { name, version, source } of OTHERS) {
      sizes.set(`${name} ${version}`, await measure(folder, name, version, source));
    }
    return sizes;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const [name, { minified, gzipped }] of await measureSizes()) {
    print(`| ${name} | ${minified.toLocaleString("en")} | ${gzipped.toLocaleString("en")} |`);
  }
}
