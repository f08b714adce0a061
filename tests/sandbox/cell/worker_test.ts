/** A module that harms its own process, and no other one. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { Bench, type FakeClient, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";
import { runs } from "../../helpers/processes.ts";

const MIB = 1024 * 1024;

async function recovered(client: FakeClient): Promise<void> {
  const served = async () => JSON.stringify(await client.call("echo", { value: 1 })) === '{"result":1}';
  await until(served, "the session is served");
}

for (
  const [trick, cause] of [
    ["structured_clone", "crash"],
    ["performance_mark", "crash"],
    ["array_of_doubles", "out_of_memory"],
    ["endless_builtin", "timeout"],
    ["endless_native", "out_of_memory"],
    ["silence_errors", "crash"],
  ] as const
) {
  Deno.test(`${trick}: at most its own process ends, which is gone, and another module notices nothing`, async () => {
    // Memory takes a while to fill on a busy machine.
    const timeout = cause === "timeout" ? 2000 : 60_000;
    await using bench = await Bench.start([
      settings("trickster.ts", { timeout }),
      settings("trickster.ts", { subprotocol: "other.v1", timeout: 60_000 }),
    ]);
    const [pid, other] = bench.cells.pids;
    const [client, neighbour] = [bench.client(), bench.client({}, bench.pools[1]!)];
    const answer = await client.call("play", { trick });
    assert("code" in answer && [-32603, -32004, -32005].includes(answer.code), JSON.stringify(answer));
    await recovered(client);
    await recovered(neighbour);
    assert(await runs(other!));
    const ends = bench.lines.filter((line) => line["restart_in_ms"] !== undefined);
    if ("code" in answer && answer.code === -32603) {
      assertEquals(ends, [], "the handler failed, and its cell goes on");
      return;
    }
    assertEquals(ends.map((line) => [line["module"], line["cause"]]), [["test.v1", cause]]);
    await until(async () => !await runs(pid!), "the process is gone");
    assertEquals(bench.lines.filter((line) => line["event"] === "forged"), []);
  });
}

Deno.test("a module that replaces JSON changes neither its messages nor its answers", async () => {
  await using bench = await Bench.start(settings("trickster.ts", { timeout: 60_000 }));
  const client = bench.client();
  assertEquals(await client.call("play", { trick: "replace_json" }), { result: { real: true } });
  const value = { a: [1, "€", null], b: { c: true } };
  assertEquals(await client.call("echo", { value }), { result: value });
  assertEquals((await client.call("wide", { unit: 7 }) as { code: number }).code, -32602);
});

Deno.test("memory that is filled while a module loads ends its process, with the reason", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (
      const top of [
        "const all = []; for (;;) all.push(new Array(1000).fill(Math.random()));",
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));",
      ]
    ) {
      await Deno.writeTextFile(`${dir}/module.js`, `${top}\nexport default {};`);
      const error = await Bench.start(settings(`${dir}/module.js`, { memory: 32 * MIB })).then(
        (bench) => bench[Symbol.asyncDispose](),
        (error) => String(error),
      );
      assertMatch(String(error), /over its memory|heap was full/);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Starts a module with this source; what became of it, and its lines. */
async function started(source: string, files: Record<string, string> = {}): Promise<{ error: string; bench?: Bench }> {
  const dir = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
  await Deno.writeTextFile(`${dir}/module.js`, source);
  try {
    return { error: "", bench: await Bench.start(settings(`${dir}/module.js`)) };
  } catch (error) {
    return { error: String(error) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const METHOD = "params: z.object({}), handle: () => 1";

Deno.test("a contract of more than 1 MiB is refused with its reason", async () => {
  const { error } = await started(
    `export default ({ z }) => ({ methods: { a: { ${METHOD}, description: "x".repeat(15e6) } } });`,
  );
  assertStringIncludes(error, "The contract is longer than 1048576 bytes");
});

Deno.test("a schema nested 2,500 deep is refused with a reason, in each place", async () => {
  const { error } = await started(`export default ({ z }) => {
    let params = z.object({});
    for (let i = 0; i < 2500; i++) params = z.object({ a: params });
    return { methods: { a: { params, handle: () => 1 } } };
  };`);
  assertMatch(error, /SandboxError: .*(levels deep|call stack)/);
});

Deno.test("a schema of more than 64 levels is refused when it is checked", async () => {
  const { error } = await started(`export default ({ z }) => {
    let params = z.object({});
    for (let i = 0; i < 40; i++) params = z.object({ a: params });
    return { methods: { a: { params, handle: () => 1 } } };
  };`);
  assertStringIncludes(error, "params is nested more than 64 levels deep");
});

Deno.test("the output of a module while it loads is in the log, bounded, and it loads", async () => {
  const { error, bench } = await started(
    `console.log("first", { a: 1 }); for (let i = 0; i < 2000; i++) console.error("line");
     export default ({ z }) => ({ methods: { a: { ${METHOD} } } });`,
  );
  assertEquals(error, "");
  await using made = bench!;
  const lines = made.logged("handler.log");
  assertEquals(lines[0]?.["message"], 'first {"a":1}');
  assertEquals([lines[1]?.["message"], lines[1]?.["level"]], ["line", "error"]);
  assert(lines.length < 600, `${lines.length} lines`);
  assertEquals(await made.client().call("a"), { result: 1 });
});

Deno.test("a module whose folder holds the socket of the cells loads, and reaches neither it nor its host by it", async () => {
  const folder = Deno.makeTempDirSync();
  const permissions = { net: ["127.0.0.1:9"] };
  const source = `export default ({ z }) => ({ methods: {
    connect: { params: z.object({ path: z.string() }), async handle({ path }) {
      return await Deno.connect({ transport: "unix", path }).then(() => "connected", (error) => error.name);
    } } } });`;
  await Deno.writeTextFile(`${folder}/module.js`, source);
  const temporary = Deno.env.get("TMPDIR");
  try {
    Deno.env.set("TMPDIR", folder);
    await using bench = await Bench.start(settings(`${folder}/module.js`, { permissions }));
    if (temporary === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", temporary);
    const path = bench.cells.socketPath;
    assertEquals(await bench.client().call("connect", { path }), { result: "NotCapable" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the bound of what a module sends follows max_bytes, in bytes: just inside, just outside", async () => {
  await using bench = await Bench.start(settings("trickster.ts", { timeout: 60_000 }), { maxBytes: 3 * MIB });
  const client = bench.client();
  // Two bytes of a result are its quotes.
  for (const [unit, bytes] of [["a", 1], ["é", 2]] as const) {
    const count = (3 * MIB - 2) / bytes;
    const inside = await client.call("wide", { unit, count }) as { result: string };
    assertEquals(inside.result.length, count);
    assertEquals((await client.call("wide", { unit, count: count + 1 }) as { code: number }).code, -32603);
  }
  assertEquals(bench.logged("handler.restarted"), []);
});

Deno.test("a raw module sends frames up to max_bytes; a longer one is its failure, and the session goes on", async () => {
  await using bench = await Bench.start(settings("raw_sizes.ts", { timeout: 60_000 }), { maxBytes: 2 * MIB });
  const client = bench.client();
  for (const kind of ["text", "bytes"]) {
    assertEquals(await client.message(`${kind} ${2 * MIB}`), { result: null });
    const failed = await client.message(`${kind} ${2 * MIB + 1}`) as { code: number };
    assertEquals(failed.code, -32603);
  }
  assertEquals(client.of("send").map(([data]) => (data as string | Uint8Array).length), [2 * MIB, 2 * MIB]);
});
