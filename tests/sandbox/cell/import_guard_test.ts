/** Links in a module's folder: where they lead decides, not where they lie. */
import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "../../assert.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";

const SECRET = '{"secret":"swordfish"}';

/** A module's folder with links, and a folder outside with a key file, code and data. */
class Place implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());
  readonly module = `${this.root}/module`;

  constructor(links: Record<string, string>, source: string) {
    Deno.mkdirSync(`${this.root}/module/inner`, { recursive: true });
    Deno.mkdirSync(`${this.root}/outside`);
    Deno.mkdirSync(`${this.root}/module-beside`);
    const files = {
      "outside/server.key": "-----BEGIN swordfish-----",
      "outside/data.json": SECRET,
      "outside/code.js": "export default 'swordfish';",
      "module-beside/code.js": "export default 'swordfish';",
      "module/inner/real.js": "export default 'inside';",
      "module/inner/real.json": '"inside"',
    };
    for (const [path, text] of Object.entries(files)) Deno.writeTextFileSync(`${this.root}/${path}`, text);
    for (const [link, target] of Object.entries(links)) Deno.symlinkSync(target, `${this.module}/${link}`);
    Deno.writeTextFileSync(`${this.module}/module.js`, source);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** A module with one method that imports `specifier`, at once or when it is called. */
const now = (specifier: string, type = "") =>
  `import value from "${specifier}"${type && ` with { type: "${type}" }`};
   export default ({ z }) => ({ methods: { get: { params: z.object({}), handle: () => value } } });`;
const later = (specifier: string, type = "") =>
  `export default ({ z }) => ({ methods: { get: { params: z.object({}), async handle() {
     try { return (await import("${specifier}"${type && `, { with: { type: "${type}" } }`})).default; }
     catch (error) { return "refused: " + error.message; }
   } } } });`;

const caught = `const got = await import("./second.js").then(() => "imported", (error) => "refused: " + error.message);
  export default ({ z }) => ({ methods: { get: { params: z.object({}), handle: () => got } } });`;

const outside: [string, Record<string, string>, string, string][] = [
  ["a link to code", { "link.js": "../outside/code.js" }, "./link.js", ""],
  ["a link with an absolute target", { "link.js": "ABSOLUTE/outside/code.js" }, "./link.js", ""],
  ["a link to JSON", { "link.json": "../outside/data.json" }, "./link.json", "json"],
  ["a link named as JSON to a key file", { "link.json": "../outside/server.key" }, "./link.json", "json"],
  ["a link named as code to a key file", { "link.js": "../outside/server.key" }, "./link.js", ""],
  ["a link to a key file as text", { "link.txt": "../outside/server.key" }, "./link.txt", "text"],
  ["a link to a key file as bytes", { "link.bin": "../outside/server.key" }, "./link.bin", "bytes"],
  ["a link to a folder", { folder: "../outside" }, "./folder/code.js", ""],
  ["a link to a folder whose name begins as the module's", { folder: "../module-beside" }, "./folder/code.js", ""],
  ["a link to a link", { "one.js": "two.js", "two.js": "../outside/code.js" }, "./one.js", ""],
  ["a link to nothing", { "link.js": "nothing.js" }, "./link.js", ""],
  ["a link to itself", { "link.js": "link.js" }, "./link.js", ""],
  ["a neighbour whose folder's name begins as the module's", {}, "../module-beside/code.js", ""],
];
for (const [what, links, specifier, type] of outside) {
  Deno.test(`a module imports nothing by ${what}`, async (t) => {
    const absolute = (root: string) =>
      Object.fromEntries(Object.entries(links).map(([name, target]) => [name, target.replace("ABSOLUTE", root)]));
    await t.step("while it loads", async () => {
      await using place = new Place({}, now(specifier, type));
      for (const [name, target] of Object.entries(absolute(place.root))) {
        Deno.symlinkSync(target, `${place.module}/${name}`);
      }
      const error = await Bench.start(settings(`${place.module}/module.js`)).then(
        async (bench) => (await bench[Symbol.asyncDispose](), "it was imported"),
        (error) => String(error),
      );
      assertMatch(error, /SandboxError: .*(Handlers may import|Requires read access|unsupported)/);
      assertNotMatch(error, /swordfish/);
    });
    await t.step("by a file that is imported, whose error the module catches", async () => {
      await using place = new Place({}, caught);
      Deno.writeTextFileSync(`${place.module}/second.js`, now(specifier, type));
      for (const [name, target] of Object.entries(absolute(place.root))) {
        Deno.symlinkSync(target, `${place.module}/${name}`);
      }
      const got = await Bench.start(settings(`${place.module}/module.js`)).then(
        async (bench) => {
          await using made = bench;
          return JSON.stringify(await made.client().call("get"));
        },
        (error) => String(error),
      );
      assertMatch(got, /refused: |SandboxError: /);
      assertNotMatch(got, /swordfish/);
    });
    await t.step("when it is called", async () => {
      await using place = new Place({}, later(specifier, type));
      for (const [name, target] of Object.entries(absolute(place.root))) {
        Deno.symlinkSync(target, `${place.module}/${name}`);
      }
      await using bench = await Bench.start(settings(`${place.module}/module.js`));
      const { result } = await bench.client().call("get") as { result: string };
      assertStringIncludes(result, "refused: ");
      assertNotMatch(result, /swordfish/);
    });
  });
}

Deno.test("a link that leads into the module's own folder is followed", async () => {
  const links = { "link.js": "inner/real.js", "link.json": "inner/real.json", folder: "inner" };
  for (const [specifier, type] of [["./link.js"], ["./link.json", "json"], ["./folder/real.js"]] as const) {
    await using place = new Place(links, now(specifier, type));
    await using bench = await Bench.start(settings(`${place.module}/module.js`));
    assertEquals(await bench.client().call("get"), { result: "inside" });
  }
});

Deno.test("a module that is itself a link imports from where it really is", async () => {
  await using place = new Place({}, now("./inner/real.js"));
  Deno.symlinkSync("../module/module.js", `${place.root}/outside/module.js`);
  await using bench = await Bench.start(settings(`${place.root}/outside/module.js`));
  assertEquals(await bench.client().call("get"), { result: "inside" });
});

Deno.test("a module beside hidden files, packages and links out of its folder imports what is its own", async () => {
  const links = { "link.js": "../outside/code.js", "inner/link.js": "../../outside/code.js", circle: "." };
  await using place = new Place(links, now("./inner/real.js"));
  for (const folder of [".hidden", "node_modules"]) {
    Deno.mkdirSync(`${place.module}/${folder}`);
    Deno.symlinkSync("../../outside/server.key", `${place.module}/${folder}/link.js`);
  }
  await using bench = await Bench.start(settings(`${place.module}/module.js`));
  assertEquals(await bench.client().call("get"), { result: "inside" });
  for (const hidden of ["./.hidden/link.js", "./node_modules/link.js", "./circle/link.js"]) {
    Deno.writeTextFileSync(`${place.module}/module.js`, now(hidden));
    const error = await Bench.start(settings(`${place.module}/module.js`)).then(
      async (bench) => (await bench[Symbol.asyncDispose](), "it was imported"),
      (error) => String(error),
    );
    assertStringIncludes(error, "Requires read access");
    assertNotMatch(error, /swordfish/);
  }
});

Deno.test("a module that may read the folder it lies in keeps that, and its links lead nowhere else", async () => {
  const source = `export default ({ z }) => ({ methods: { read: { params: z.object({ path: z.string() }),
    handle: ({ path }) => Deno.readTextFile(path).catch((error) => error.name) } } });`;
  for (const [links, granted] of [[{}, "module"], [{ "link.txt": "../outside/data.json" }, "module/inner"]] as const) {
    await using place = new Place(links, source);
    const permissions = { read: [`${place.root}/${granted}`] };
    await using bench = await Bench.start(settings(`${place.module}/module.js`, { permissions }));
    const client = bench.client();
    assertEquals(await client.call("read", { path: `${place.module}/inner/real.json` }), { result: '"inside"' });
    assertEquals(await client.call("read", { path: `${place.root}/outside/data.json` }), { result: "NotCapable" });
  }
});
