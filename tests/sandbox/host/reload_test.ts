/** Changed modules are taken up while sessions go on; modules that can't stay up are not spun. */
import { assert, assertEquals, assertGreater, assertLess } from "../../assert.ts";
import { SandboxError } from "../../../lib/sandbox/sandbox.ts";
import { watchModule } from "../../../lib/sandbox/host/reload.ts";
import { createLog } from "../../../lib/log/log.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";
import { FakeCells } from "./fake_cells.ts";

const version = (n: number, more = "") => `
import { add } from "./part.ts";
export default ({ z }) => ({
  methods: {
    version: { params: z.object({}), handle: () => add(${n}) },
    slow: { params: z.object({}), handle: () => new Promise((done) => setTimeout(() => done(${n}), 300)) },
    state: { params: z.object({}), handle: (_, ctx) => ctx.state },
    ${more}
  },
  open(ctx, { resumed }) { ctx.state.resumed = resumed; },
});`;

Deno.test("a changed module moves sessions to new cells, lets old calls finish, and a broken one is refused", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/part.ts`, "export const add = (n: number) => n;");
  await Deno.writeTextFile(`${dir}/module.ts`, version(1));
  await using bench = await Bench.start(settings(`${dir}/module.ts`));
  const log = createLog({ level: "info", format: "json", write: (line) => bench.lines.push(JSON.parse(line)) });
  const watcher = watchModule(bench.pool, log);
  try {
    const client = bench.client();
    assertEquals(await client.call("version"), { result: 1 });
    const slow = client.call("slow");
    await Deno.writeTextFile(`${dir}/module.ts`, version(2, "added: { params: z.object({}), handle: () => 1 },"));
    await until(() => bench.pool.contract.methods.has("added"), "the contract is updated");
    assertEquals(await slow, { result: 1 });
    assertEquals(await client.call("version"), { result: 2 });
    assertEquals(await client.call("state"), { result: { resumed: true } });
    assertEquals(bench.logged("handler.restarted").map(({ cause }) => cause), ["reload"]);

    await Deno.writeTextFile(`${dir}/module.ts`, "export default {};");
    await until(() => bench.logged("handler.failed").length > 0, "the broken version is logged");
    assertEquals(await client.call("version"), { result: 2 });

    await Deno.writeTextFile(`${dir}/module.ts`, version(3));
    await until(
      async () => JSON.stringify(await client.call("version")) === '{"result":3}',
      "the next one is taken up",
    );
    await Deno.writeTextFile(`${dir}/part.ts`, "export const add = (n: number) => n + 100;");
    await until(async () => JSON.stringify(await client.call("version")) === '{"result":103}', "an imported file too");
    assert(!bench.pool.contract.methods.has("added"));
  } finally {
    watcher.stop();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a module that can't stay up is unready and tried at growing intervals", async () => {
  const dir = await Deno.makeTempDir();
  const source = (top: string) =>
    `${top}\nexport default ({ z }) => ({ methods: { die: { params: z.object({}), handle() {
    void Promise.reject(new Error("die")); return new Promise(() => {}); } } } });`;
  await Deno.writeTextFile(`${dir}/module.ts`, source(""));
  try {
    await using bench = await Bench.start(settings(`${dir}/module.ts`));
    const client = bench.client();
    assert(bench.pool.ready);
    await Deno.writeTextFile(`${dir}/module.ts`, source("throw new Error('gone wrong');"));
    assertEquals((await client.call("die") as { code: number }).code, -32004);
    await until(() => !bench.pool.ready, "the module is unready");
    assertEquals((await client.call("die") as { code: number }).code, -32004);
    const waits = bench.logged("handler.failed").map((line) => line["restart_in_ms"] as number);
    assertEquals(waits[0], 0);
    assertGreater(waits.at(-1)!, 0);
    assertLess(waits.length, 20);
    await Deno.writeTextFile(`${dir}/module.ts`, source(""));
    await until(() => bench.pool.ready && bench.pool.slots[0]!.cell !== undefined, "it comes back");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("an explicit reload of a broken module throws and changes nothing", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/part.ts`, "export const add = (n: number) => n;");
  await Deno.writeTextFile(`${dir}/module.ts`, version(1));
  try {
    await using bench = await Bench.start(settings(`${dir}/module.ts`));
    const client = bench.client();
    await Deno.writeTextFile(`${dir}/module.ts`, "nonsense(");
    let error: unknown;
    await bench.pool.reload().catch((caught) => error = caught);
    assert(error instanceof SandboxError);
    assertEquals(await client.call("version"), { result: 1 });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a replaced cell that keeps itself busy is ended once its calls are overdue; its client goes on", async () => {
  const cells = new FakeCells();
  await using bench = await Bench.start(settings("attacks.ts", { timeout: 500 }), { cells });
  const client = bench.client();
  assertEquals(await client.call("ping"), { result: "pong" });
  const old = cells.cell;
  // It does nothing that it is asked, and shows that it lives.
  old.silent = true;
  const busy = setInterval(() => old.killed || old.say(ToHost.Log, 0, 0, 0, "busy"), 20);
  const overdue = client.call("ping");
  try {
    await bench.pool.reload();
    assertEquals(await client.call("ping"), { result: "pong" });
    assertEquals(await overdue, { code: -32005, data: undefined });
    await until(() => old.killed, "the replaced cell is ended");
    assertEquals(await client.call("ping"), { result: "pong" });
  } finally {
    clearInterval(busy);
  }
});
