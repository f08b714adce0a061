/** Packages in handlers: bundles, and folders that have a `package.json` or a `deno.json` of their own. */
import { join } from "node:path";
import { bundleHandler, bundlePath } from "../../tools/handler_bundle.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { Bench, settings } from "../helpers/sandbox.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** A folder with files, which goes afterwards. */
async function withFolder(files: Record<string, string>, test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-handler-" }));
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const handlers = (imports: string, value: string) =>
  `${imports}
export default ({ z }) => ({ methods: { get: { params: z.object({}), handle: () => ${value} } } });
`;

Deno.test("a bundle has its packages and files in one module, which a cell loads", async () => {
  const files = {
    "module.js": handlers(
      'import currency from "npm:currency.js@2.0.4";\nimport { z as own } from "zod";\nimport { name } from "./name.js";',
      "[currency(1.5).format(), own.string().parse(name)]",
    ),
    "name.js": 'export const name = "beside";',
  };
  await withFolder(files, async (folder) => {
    const output = join(folder, "out", "module.bundle.js");
    await Deno.mkdir(join(folder, "out"));
    await bundleHandler(join(folder, "module.js"), output);
    await using bench = await Bench.start(settings(output));
    assertEquals(await bench.client().call("get", {}), { result: ["$1.50", "beside"] });
  });
});

Deno.test("a bundle that would import a built-in module is refused, and not left behind", async () => {
  await withFolder({ "module.js": handlers('import { hostname } from "node:os";', "hostname()") }, async (folder) => {
    const output = join(folder, "out.js");
    const error = await assertRejects(() => bundleHandler(join(folder, "module.js"), output), Error);
    assertStringIncludes(error.message, '"node:os"');
    await assertRejects(() => Deno.stat(output), Deno.errors.NotFound);
  });
});

Deno.test("a module that can't be bundled is reported by name", async () => {
  await withFolder({ "module.js": handlers('import "./nowhere.js";', "1") }, async (folder) => {
    const error = await assertRejects(() => bundleHandler(join(folder, "module.js"), join(folder, "out.js")), Error);
    assertStringIncludes(error.message, "nowhere.js");
  });
});

Deno.test("bundlePath() puts the bundle beside the module", () => {
  assertEquals(["/a/b.ts", "/a/b.mjs", "/a/b.c"].map(bundlePath), [
    "/a/b.bundle.js",
    "/a/b.bundle.js",
    "/a/b.c.bundle.js",
  ]);
});

for (
  const [specifier, named, remedy] of [
    ["npm:nanoid@5", "nanoid", "handler:bundle"],
    ["nanoid", "nanoid", "handler:bundle"],
    ["jsr:@std/assert", "@std/assert", "handler:bundle"],
    ["node:fs", "node:fs", "no built-in modules"],
    ["https://example.com/a.js", "example.com", "permissions.import"],
    ["../outside.js", "outside.js", "must lie in that folder"],
    ["data:text/javascript,1", "data:text/javascript,1", "code comes from files"],
  ] as const
) {
  Deno.test(`the refusal of ${specifier} says what to do`, async () => {
    await withFolder({ "module.js": handlers(`import "${specifier}";`, "1") }, async (folder) => {
      const error = await assertRejects(() => Bench.start(settings(join(folder, "module.js"))), Error);
      assertStringIncludes(error.message, named);
      assertStringIncludes(error.message, remedy);
    });
  });
}

const MODULE = `import type { Handlers } from "sallyport";
export default (({ z, method }) => ({
  methods: { get: method({ params: z.object({}), result: z.string(), handle: () => "x" }) },
})) satisfies Handlers;
`;
const TEST = `import { testHandlers } from "sallyport";
import module from "./module.ts";
Deno.test("get", async () => { if (await testHandlers(module).call("get") !== "x") throw new Error("no"); });
`;
const PACKAGE = JSON.stringify({ name: "handlers", dependencies: { "currency.js": "2.0.4" } });
const CONFIG = { imports: { sallyport: join(ROOT, "lib/mod.ts") } };

for (
  const [what, files] of [
    ["its own deno.json", { "deno.json": JSON.stringify(CONFIG) }],
    ["its own deno.json and a package.json", {
      "deno.json": JSON.stringify({ ...CONFIG, nodeModulesDir: "none" }),
      "package.json": PACKAGE,
    }],
  ] as const
) {
  Deno.test(`a folder with ${what} is checked and tested by deno, and its module is served`, async () => {
    await withFolder({ "module.ts": MODULE, "module_test.ts": TEST, ...files }, async (folder) => {
      for (const args of [["check", "module.ts"], ["test", "--no-prompt", "-A"]]) {
        const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder }).output();
        const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        assert(success, `deno ${args.join(" ")}: ${said}`);
      }
      await using bench = await Bench.start(settings(join(folder, "module.ts")));
      assertEquals(await bench.client().call("get", {}), { result: "x" });
    });
  });
}
