/** `contract`. */
import { contract } from "../../lib/cli/contract.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";

async function run(toml: string): Promise<{ status: number; out: string; err: string }> {
  const dir = await Deno.makeTempDir();
  const [out, err]: [string[], string[]] = [[], []];
  try {
    await Deno.writeTextFile(`${dir}/sallyport.toml`, toml);
    await Deno.writeTextFile(`${dir}/secret`, "0123456789abcdef0123456789abcdef", { mode: 0o600 });
    await Deno.writeTextFile(`${dir}/broken.ts`, "export default { methods: {} };");
    const args = parseCommandLine(["contract", "--config", `${dir}/sallyport.toml`]);
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
