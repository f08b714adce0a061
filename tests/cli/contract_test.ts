/** `contract`. */
import { contract } from "../../lib/cli/contract.ts";
import { parseCommandLine, UsageError } from "../../lib/cli/args.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";

/** Runs the command with this configuration, files beside it, and further words. */
async function run(
  toml: string,
  ...more: (string | Record<string, string>)[]
): Promise<{ status: number; out: string; err: string }> {
  const dir = await Deno.makeTempDir();
  const [out, err]: [string[], string[]] = [[], []];
  try {
    await Deno.writeTextFile(`${dir}/sallyport.toml`, toml);
    await Deno.writeTextFile(`${dir}/secret`, "0123456789abcdef0123456789abcdef", { mode: 0o600 });
    await Deno.writeTextFile(`${dir}/broken.ts`, "export default { methods: {} };");
    for (const [name, text] of more.flatMap((one) => typeof one === "string" ? [] : Object.entries(one))) {
      await Deno.writeTextFile(`${dir}/${name}`, text);
    }
    const words = more.filter((one) => typeof one === "string");
    const args = parseCommandLine(["contract", "--config", `${dir}/sallyport.toml`, ...words]);
    const io = {
      stdout: (line: string) => void out.push(line),
      stderr: (line: string) => void err.push(line),
      env: () => undefined,
    };
    return { status: await contract(args, io), out: out.join("\n"), err: err.join("\n") };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const module = (path: string) => new URL(`../../examples/${path}`, import.meta.url).pathname;
const rest = `
[admission]
origins = ["https://app.example.com"]
[auth]
algorithms = ["HS256"]
secret_file = "secret"
issuer = "https://id.example.com"
audience = "sallyport"
`;

Deno.test("contract() prints one OpenRPC document for all modules", async () => {
  const { status, out, err } = await run(`${rest}
[[handlers]]
subprotocol = "chat.v1"
module = ${JSON.stringify(module("chat/chat.ts"))}
[[handlers]]
subprotocol = "echo.raw.v1"
module = ${JSON.stringify(module("echo/raw.ts"))}
`);
  assertEquals([status, err], [0, ""]);
  const document = JSON.parse(out) as { openrpc: string; methods: Record<string, unknown>[] } & Record<string, unknown>;
  assertEquals(document.openrpc, "1.4.1");
  const send = document.methods.find(({ name }) => name === "chat.send");
  assertEquals([send?.["x-subprotocol"], send?.["x-roles"], send?.["x-cost"]], ["chat.v1", ["user"], 1]);
  assertEquals(document["x-raw-subprotocols"], ["echo.raw.v1"]);
});

Deno.test("contract() says what is wrong with a module, status 1", async () => {
  const { status, out, err } = await run(`${rest}
[[handlers]]
subprotocol = "a.v1"
module = "broken.ts"
`);
  assertEquals([status, out], [1, ""]);
  assertStringIncludes(err, "methods is empty");
});

Deno.test("contract() refuses a configuration that can't be read, status 2", async () => {
  const { status } = await run("nonsense = true");
  assertEquals(status, 2);
});

Deno.test("contract --format prints AsyncAPI or types", async () => {
  const handlers = `${rest}
[[handlers]]
subprotocol = "chat.v1"
module = ${JSON.stringify(module("chat/chat.ts"))}
`;
  const asyncApi = JSON.parse((await run(handlers, "--format", "asyncapi")).out) as Record<string, unknown>;
  assertEquals(asyncApi["asyncapi"], "3.0.0");
  assertEquals((asyncApi["servers"] as Record<string, Record<string, unknown>>)["websocket"]?.["pathname"], "/ws");
  const types = await run(handlers, "--format", "types");
  assertEquals(types.status, 0);
  assertStringIncludes(types.out, "export interface Contracts {");
});

Deno.test("contract --check compares with what was printed earlier: 0 without a breaking change, else 1", async () => {
  const version = (max: number) =>
    `export default ({ z }) => ({
    methods: { "a.say": { params: z.object({ text: z.string().max(${max}) }), handle: () => 1 } },
  });`;
  const handlers = `${rest}
[[handlers]]
subprotocol = "a.v1"
module = "module.ts"
`;
  const dir = await Deno.makeTempDir();
  try {
    const old = `${dir}/old.json`;
    const printed = await run(handlers, { "module.ts": version(10) });
    await Deno.writeTextFile(old, printed.out);
    const wider = await run(handlers, { "module.ts": version(11) }, "--check", old);
    assertEquals([wider.status, wider.out, wider.err], [0, "no breaking change", ""]);
    const narrower = await run(handlers, { "module.ts": version(9) }, "--check", old);
    assertEquals([narrower.status, narrower.out], [
      1,
      'breaking: method "a.say" of "a.v1": params.text: maxLength was 10, is 9',
    ]);
    for (const [name, text] of [["none.json", null], ["broken.json", "{"], ["other.json", "[]"]] as const) {
      if (text !== null) await Deno.writeTextFile(`${dir}/${name}`, text);
      const refused = await run(handlers, { "module.ts": version(10) }, "--check", `${dir}/${name}`);
      assertEquals([refused.status, refused.out], [2, ""], name);
      assertStringIncludes(refused.err, name);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("contract takes no unknown format, and no format with --check", () => {
  for (const words of [["--format", "yaml"], ["--format"], ["--check"], ["--check", "a", "--format", "types"]]) {
    assertThrows(() => parseCommandLine(["contract", ...words]), UsageError);
  }
});
