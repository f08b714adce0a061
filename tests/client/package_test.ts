/** The published package: its size, its files, its types, and that it has no dependencies. */
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { buildClient, CLIENT } from "../../tools/client.ts";
import { files, readProject, ROOT, run } from "../../tools/project.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { optional, runs } from "../helpers/optional.ts";

const MAX_GZIP_BYTES = 4_096;

/** A copy of the package, built, apart from the repository. */
async function withPackage(
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "sallyport-client-" });
  try {
    await Deno.copyFile(
      join(CLIENT, "package.json"),
      join(directory, "package.json"),
    );
    await buildClient(join(directory, "dist"));
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A use of the types, with what they must refuse. */
const USE = `
import { CallError, type Client, type Contract, createClient, type Why } from "./dist/mod.js";
interface Api extends Contract {
  methods: { sum: { params: { a: number; b: number }; result: number } };
  topics: { lobby: { message: { text: string } } };
}
const client: Client<Api> = createClient<Api>("wss://example.com/ws", { subprotocol: "v1", token: () => null });
const sum: Promise<number> = client.call("sum", { a: 1, b: 2 }, { timeout: 5 });
client.subscribe("lobby").on("message", ({ text }) => text.toUpperCase());
client.on("state", (state, why: Why | null) => [state.length, why?.retryInMs]);
// @ts-expect-error no such method
client.call("difference", {});
// @ts-expect-error params of another type
client.call("sum", { a: "1", b: 2 });
// @ts-expect-error no such event
client.subscribe("lobby").on("gone", () => {});
export const error: CallError | Promise<number> = sum;
`;

Deno.test("the package: size, files, types", async (t) => {
  await withPackage(async (directory) => {
    await t.step(
      `mod.js is at most ${MAX_GZIP_BYTES} bytes gzipped`,
      async () => {
        const code = await Deno.readFile(join(directory, "dist/mod.js"));
        const { length } = gzipSync(code, { level: 9 });
        assert(length <= MAX_GZIP_BYTES, `${length} bytes`);
      },
    );

    await t.step(
      "mod.js imports nothing and exports what is documented",
      async () => {
        const path = join(directory, "dist/mod.js");
        const text = await Deno.readTextFile(path);
        assertEquals(text.match(/\b(import|require)\b/g), null);
        assertEquals(Object.keys(await import(`file://${path}`)).sort(), [
          "CallError",
          "createClient",
        ]);
      },
    );

    await t.step(
      "the types hold in a program that has nothing else",
      async () => {
        await Deno.writeTextFile(
          join(directory, "use.ts"),
          USE.replace("./dist/mod.js", "./dist/mod.d.ts"),
        );
        const { code, output } = await run(Deno.execPath(), [
          "check",
          "--quiet",
          "--no-config",
          "use.ts",
        ], {
          quiet: true,
          cwd: directory,
        });
        assertEquals([code, output], [0, ""]);
      },
    );

    await t.step(optional(
      { npm: runs("npm", "--version") },
      "npm pack takes exactly what belongs there",
      async () => {
        const { code, stdout } = await new Deno.Command("npm", {
          args: ["pack", "--dry-run", "--json", "--offline"],
          cwd: directory,
          stderr: "null",
        }).output();
        assertEquals(code, 0);
        const [packed] = JSON.parse(new TextDecoder().decode(stdout));
        assertEquals(packed.name, "@sallyport/client");
        assertEquals(
          packed.files.map(({ path }: { path: string }) => path).sort(),
          [
            "dist/LICENSE",
            "dist/mod.d.ts",
            "dist/mod.js",
            "package.json",
          ],
        );
      },
    ));
  });
});

Deno.test("package.json agrees with the project, and names no dependency", async () => {
  const manifest = JSON.parse(
    await Deno.readTextFile(join(CLIENT, "package.json")),
  );
  assertEquals(manifest.version, (await readProject()).version);
  for (
    const key of [
      "dependencies",
      "peerDependencies",
      "optionalDependencies",
      "scripts",
    ]
  ) {
    assertEquals(manifest[key], undefined, key);
  }
  const license = await Deno.readTextFile(join(ROOT, "LICENSE"));
  assertMatch(license, new RegExp(manifest.license.replace("-", ".*"), "i"));
});

Deno.test("the library imports nothing but itself", async () => {
  const sources = (await files(ROOT, "client")).filter((path) => /^client\/[^/]+\.ts$/.test(path));
  assert(sources.length > 5, sources.join());
  for (const path of sources) {
    const text = await Deno.readTextFile(join(ROOT, path));
    for (
      const [, specifier] of text.matchAll(
        /^(?:import|export)\b[^;]*?from "([^"]+)"/gm,
      )
    ) {
      assertMatch(specifier!, /^\.\/\w+\.ts$/, path);
    }
    assertEquals(text.match(/\bimport\(/g), null, path);
  }
});
