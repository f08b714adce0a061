/** Everything a handler must not do, tried by a handler in a real cell, under the broad permissions of a test run. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Bench, settings } from "../helpers/sandbox.ts";

const INPUTS: Record<string, string> = {
  read_deno: "/etc/passwd",
  read_import: "/etc/passwd",
  read_fetch: "/etc/passwd",
  fetch: "http://127.0.0.1:9/",
  websocket: "ws://127.0.0.1:9/",
  import: "node:fs",
};

Deno.test("a cell refuses every attempt of the attacks module, and goes on answering", async (t) => {
  await using bench = await Bench.start(settings("attacks.ts"));
  const client = bench.client();
  const other = bench.client();
  const listed = await client.call("attempts");
  assert("result" in listed);
  for (const name of listed.result as string[]) {
    await t.step(name, async () => {
      const answer = await client.call("try", { name, input: INPUTS[name] });
      assert("result" in answer, JSON.stringify(answer));
      assert("refused" in (answer.result as object), `${name} gave ${JSON.stringify(answer.result)}`);
      assertEquals(await other.call("ping"), { result: "pong" });
    });
  }
  await t.step("no cell had to be replaced, and nothing was written to the log", () => {
    assertEquals(bench.lines, []);
  });
});

Deno.test("a cell imports nothing but files of its folder and zod", async (t) => {
  await using bench = await Bench.start(settings("attacks.ts"));
  const client = bench.client();
  const secret = await Deno.makeTempDir();
  await Deno.writeTextFile(`${secret}/other.ts`, "export const x = 1;");
  const refused = [
    "node:fs",
    "fs",
    "node:process",
    "NODE:fs",
    "node:worker_threads",
    "node:v8",
    "node:module",
    "npm:zod",
    "npm:left-pad",
    "jsr:@std/assert",
    "https://example.com/x.ts",
    "http://127.0.0.1:9/x.ts",
    "data:text/javascript,export default 1",
    "blob:null/1",
    "ext:core/ops",
    "@std/assert",
    "jose",
    "file:///etc/passwd",
    `${secret}/other.ts`,
    `file://${secret}/other.ts`,
    "../kit.ts",
    "./../kit.ts",
    "./%2e%2e/kit.ts",
    "./..%2fkit.ts",
    "./common.cjs",
    "./data.wasm",
    "../../../lib/sandbox/cell/worker.ts",
    "../../../deno.json",
  ];
  for (const input of refused) {
    await t.step(input, async () => {
      const answer = await client.call("try", { name: "import", input });
      assert("result" in answer);
      assert("refused" in (answer.result as object), `${input} was imported`);
    });
  }
  await Deno.remove(secret, { recursive: true });
  await t.step("zod is allowed", async () => {
    assertEquals(await client.call("try", { name: "import", input: "zod" }), { result: { got: "object" } });
  });
});

Deno.test("a cell's globals are a list", async () => {
  await using bench = await Bench.start(settings("attacks.ts"));
  const answer = await bench.client().call("names");
  assert("result" in answer);
  const names = answer.result as string[];
  const missing = [
    "Deno",
    "process",
    "Buffer",
    "require",
    "global",
    "fetch",
    "Worker",
    "WebAssembly",
    "navigator",
    "close",
  ];
  for (const name of [...missing, "postMessage", "SharedArrayBuffer", "MessageChannel", "BroadcastChannel", "caches"]) {
    assert(!names.includes(name), name);
  }
  for (const name of ["Object", "Promise", "console", "URL", "crypto", "setTimeout"]) {
    assert(names.includes(name), name);
  }
  assert(names.length < 100, `${names.length} globals`);
});

Deno.test("grants bring back what uses them, for exactly what was granted", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/allowed.txt`, "yes");
  const environment = { SALLYPORT_TEST_GRANTED: "1", SALLYPORT_TEST_SECRET: "2" };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const permissions = { read: [dir], env: ["SALLYPORT_TEST_GRANTED"], net: [`127.0.0.1:${port}`] };
  try {
    await using bench = await Bench.start(settings("grants.ts", { permissions }), { environment });
    const client = bench.client();
    assertEquals(await client.call("read", { path: `${dir}/allowed.txt` }), { result: "yes" });
    assertEquals(await client.call("env", { name: "SALLYPORT_TEST_GRANTED" }), { result: "1" });
    assertEquals(await client.call("connect", { port }), { result: true });
    for (
      const [method, params] of [
        ["read", { path: "/etc/passwd" }],
        ["read", { path: new URL("./handlers/grants.ts", import.meta.url).pathname }],
        ["read", { path: new URL("../../lib/sandbox/cell/worker.ts", import.meta.url).pathname }],
        ["env", { name: "SALLYPORT_TEST_SECRET" }],
        ["connect", { port: port + 1 }],
        ["write", { path: `${dir}/made.txt` }],
      ] as const
    ) {
      const answer = await client.call(method, params);
      assertEquals((answer as { code: number }).code, -32603, `${method} ${JSON.stringify(params)}`);
    }
    const errors = bench.logged("handler.failed").map((line) => String(line["error"]));
    assertEquals(errors.length, 6);
    assertStringIncludes(errors[0]!, "NotCapable");
  } finally {
    listener.close();
    await Deno.remove(dir, { recursive: true });
  }
});
