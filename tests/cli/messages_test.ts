/** Messages of the command line name file, value and remedy, and escape all that they quote. */
import { readProject, ROOT, serverFlags } from "../../tools/project.ts";
import { adminTokenFindings } from "../../lib/ops/admin_token.ts";
import type { Config } from "../../lib/config/config.ts";
import { printable } from "../../lib/log/format.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

const EVIL = "\x1b[31m\x9b2J\u202e\u2028\x7f";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs the command line as it is started from source. */
async function sallyport(folder: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...serverFlags(await readProject()), `${ROOT}/main.ts`, ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

const config = (module: string, more = "") =>
  `${more}
[admission]
origins = ["https://app.example.com"]
[auth]
algorithms = ["HS256"]
secret_file = "hs256.secret"
issuer = "https://id.example.com"
[[handlers]]
subprotocol = "chat.v1"
module = ${JSON.stringify(module)}
`;

async function write(folder: string, toml: string, files: Record<string, string> = {}): Promise<void> {
  const all = { "hs256.secret": "s".repeat(64), "sallyport.toml": toml, ...files };
  for (const [name, text] of Object.entries(all)) await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
}

function assertHarmless(text: string): void {
  // deno-lint-ignore no-control-regex -- control characters are what is meant
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/.test(text), JSON.stringify(text));
}

Deno.test("printable() keeps one line one line, and JSON the same JSON", () => {
  assertEquals(printable("a\nb\tgrüß 🦊"), "a\\u000ab\\u0009grüß 🦊");
  assertEquals(printable("\u{e0041}"), "\\udb40\\udc41");
  assertEquals(JSON.parse(printable(JSON.stringify({ text: EVIL }))), { text: EVIL });
  assertHarmless(printable(EVIL));
});

Deno.test("check names a module that does not load by its file, and escapes what it throws, as text and as JSON", async () => {
  await inFolder(async (folder) => {
    await write(folder, config("broken.mjs"), {
      "broken.mjs": `throw new Error(${JSON.stringify(`x${EVIL}\nforged: y`)})`,
    });
    const text = await sallyport(folder, "check");
    assertEquals(text.code, 1, text.out + text.err);
    assertHarmless(text.out + text.err);
    assertStringIncludes(text.out, `${folder}/broken.mjs`);
    assert(!text.out.split("\n").some((line) => line.startsWith("forged")), text.out);
    const json = await sallyport(folder, "check", "--json");
    assertHarmless(json.out);
    assertEquals(json.out.trim().split("\n").length, 1);
    assert(JSON.parse(json.out).findings.some(({ what }: { what: string }) => what.includes("/broken.mjs")), json.out);
    for (const command of ["serve", "contract"]) {
      const { code, out, err } = await sallyport(folder, command);
      assertEquals(code, command === "serve" ? 2 : 1, err);
      assertHarmless(out + err);
      assertStringIncludes(err, `${folder}/broken.mjs`);
    }
  });
});

Deno.test("a file that is nested without end, and a store that is a folder, are told with file, value and remedy", async () => {
  await inFolder(async (folder) => {
    await write(folder, config("chat.mjs", `x = ${"[".repeat(3000)}${"]".repeat(3000)}`));
    const deep = await sallyport(folder, "check");
    assertEquals([deep.code, deep.out], [2, ""]);
    assertEquals(
      deep.err.trim(),
      "./sallyport.toml: line 1: is nested too deep, allowed are 32 lists and tables inside one another",
    );
    await Deno.mkdir(`${folder}/state.db`);
    const module = `${ROOT}/examples/chat/chat.ts`;
    await write(folder, config(module, '[store]\nkind = "sqlite"\npath = "state.db"'));
    const { code, err } = await sallyport(folder, "check");
    assertEquals(code, 2);
    assertEquals(
      err.trim(),
      `./sallyport.toml: store.path: names "${folder}/state.db", which is a folder, must be a file in one`,
    );
  });
});

Deno.test("an admin token that can be guessed or can't be sent is an error, in serve too", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/admin.token`;
    const told = async (token: string) => {
      await Deno.writeTextFile(path, token, { mode: 0o600 });
      return adminTokenFindings({ ops: { admin_token_file: path } } as unknown as Config).map(({ what }) => what);
    };
    assertEquals(await told("x\n"), [`${path}: the token has 1 character, must have at least 16`]);
    assertEquals(await told(""), [`${path}: the token has 0 characters, must have at least 16`]);
    assertEquals(await told("x".repeat(15)), [`${path}: the token has 15 characters, must have at least 16`]);
    assertEquals(await told("x".repeat(16)), []);
    assertEquals(await told(`${"x".repeat(43)}=\n`), []);
    assertEquals(await told("correct horse battery staple"), [
      `${path}: the token must be one word of printable ASCII characters`,
    ]);
    const module = `${ROOT}/examples/chat/chat.ts`;
    await write(folder, config(module, '[ops]\nport = 0\nadmin_token_file = "admin.token"'), { "admin.token": "x" });
    const { code, err } = await sallyport(folder, "serve");
    assertEquals(code, 2);
    assertStringIncludes(err, `sallyport.toml: ops.admin_token_file: ${path}: the token has 1 character`);
    assertStringIncludes(err, "head -c 32 /dev/urandom");
    const { out } = await sallyport(folder, "check");
    assertStringIncludes(out, "error: ops.admin_token_file: ");
  });
});
