import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { OUTPUT_BYTES_PER_S } from "../../../lib/sandbox/supervisor/bounded_output.ts";
import { runs } from "../../helpers/processes.ts";
import { StandInCells } from "./fixture.ts";
import { until } from "../../helpers/until.ts";

Deno.test("a cell's process is started with a secret of its own, shows life, and is gone once it is killed", async () => {
  await using modules = new StandInCells(["honest"]);
  const one = await modules.start("honest").alive();
  const other = await modules.start("honest").alive();
  assertMatch(one.secret, /^[0-9a-f]{64}$/);
  assert(one.secret !== other.secret);
  assertEquals(one.vitalsSeen[0], { memory: 1, cpuMs: 2 });
  assert(await runs(one.pid));
  one.process.kill();
  assertEquals((await one.end()).cause, "killed");
  assertEquals(await runs(one.pid), false);
  assertEquals(other.ends, []);
  assert(await runs(other.pid));
});

Deno.test("a cell may read its module's folder and reach its host, and nothing else", async () => {
  await using modules = new StandInCells(["permissions"]);
  const cell = modules.start("permissions");
  await until(() => cell.text.includes("\n"), "the list of permissions");
  assertEquals(JSON.parse(cell.text), {
    whole: [],
    folder: true,
    socket: true,
    etc: false,
    host: false,
    variable: "none",
  });
});

Deno.test("a cell has what its module was granted, no more", async () => {
  const permissions = { net: ["example.com:443"], env: ["GRANTED"] };
  await using modules = new StandInCells(["permissions"], { permissions });
  const cell = modules.start("permissions");
  await until(() => cell.text.includes("\n"), "the list of permissions");
  const { whole, etc, host, variable } = JSON.parse(cell.text);
  assertEquals({ whole, etc, host, variable }, { whole: [], etc: false, host: true, variable: "value" });
});

Deno.test("the environment of a cell's process holds what its module was granted, and nothing else", async () => {
  await using modules = new StandInCells(["honest"], { permissions: { env: ["GRANTED"] } });
  const { pid } = await modules.start("honest").alive();
  const environment = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
  assert(environment.includes("GRANTED=value"), environment.join(" "));
  assertEquals(environment.filter((variable) => variable.startsWith("SECRET=")), []);
});

Deno.test("a grant with a comma is refused, since it would be two grants", async () => {
  await using modules = new StandInCells(["honest"], { permissions: { read: ["/srv/a,/etc"] } });
  const { cause, detail } = await modules.start("honest").end();
  assertEquals(cause, "crash");
  assertStringIncludes(detail, "comma");
});

for (
  const [way, cause, detail] of [
    ["farewell_memory", "out_of_memory", /over its memory/],
    ["out_of_memory", "out_of_memory", /heap was full/],
    ["exit", "crash", /exit status 3/],
    ["throws", "crash", /exit status 1/],
    ["garbage", "crash", /no sign of life/],
    ["flood", "crash", /no sign of life/],
  ] as const
) {
  Deno.test(`the end of a cell that does "${way}" is told as ${cause}, and its neighbour goes on`, async () => {
    await using modules = new StandInCells([way, "honest"]);
    const neighbour = await modules.start("honest").alive();
    const cell = modules.start(way);
    const end = await cell.end();
    assertEquals(end.cause, cause, end.detail);
    assertMatch(end.detail, detail);
    // deno-lint-ignore no-control-regex -- that there is none is what is tested
    assert(!/[\u0000-\u001f\u202e]/.test(end.detail), JSON.stringify(end.detail));
    assertEquals(await runs(cell.pid), false);
    assertEquals(neighbour.ends, []);
  });
}

Deno.test("a cell that a signal ends is told as a crash with the signal", async () => {
  await using modules = new StandInCells(["honest"]);
  const cell = await modules.start("honest").alive();
  await new Deno.Command("kill", { args: ["-ABRT", String(cell.pid)] }).output();
  const end = await cell.end();
  assertEquals(end.cause, "crash");
  assertStringIncludes(end.detail, "SIGABRT");
});

Deno.test("a cell that is stopped or loops is killed for its silence", async () => {
  await using modules = new StandInCells(["honest", "loop"]);
  const neighbour = await modules.start("honest").alive();
  const stopped = await modules.start("honest").alive();
  const looping = await modules.start("loop").alive();
  await new Deno.Command("kill", { args: ["-STOP", String(stopped.pid)] }).output();
  for (const cell of [stopped, looping]) {
    assertEquals((await cell.end()).cause, "timeout");
    assertEquals(await runs(cell.pid), false);
  }
  assertEquals(neighbour.ends, []);
});

Deno.test("signs of life that piled up while the supervisor did not run are no flood", async () => {
  const quick = () => 600 * performance.now();
  await using late = new StandInCells(["piled_up"], {}, undefined, quick);
  await using timely = new StandInCells(["piled_up"]);
  const cell = late.start("piled_up");
  assertEquals(
    (await timely.start("piled_up").end()).detail,
    "what the process wrote to its supervisor is no sign of life",
  );
  await until(() => cell.vitalsSeen.length > 300 || cell.ends.length > 0, "three hundred signs of life");
  assertEquals(cell.ends, []);
});

Deno.test("output of a cell is passed on up to a bound a second", async () => {
  await using modules = new StandInCells(["loud"]);
  const cell = await modules.start("loud").alive();
  const began = performance.now();
  await until(() => cell.text.length > 3.5 * OUTPUT_BYTES_PER_S, "output of more than three seconds");
  const seconds = (performance.now() - began) / 1000;
  // What one second allows may come at its beginning or end.
  assert(seconds >= 1.8, `${cell.text.length} bytes came within ${seconds} s`);
  assert(cell.text.length <= (seconds + 2) * OUTPUT_BYTES_PER_S, `${cell.text.length} bytes within ${seconds} s`);
});

Deno.test("more processes than a module may have are refused", async () => {
  await using modules = new StandInCells(["honest", "exit"]);
  const cells = Array.from({ length: 5 }, () => modules.start("honest"));
  assertStringIncludes((await cells[4]!.end()).detail, "no more processes");
  for (const cell of cells.slice(0, 4)) await cell.alive();
  assertEquals(modules.cells.size, 4);
});

Deno.test("a module whose cells end at once gets a burst of starts, then two a second, and holds up no other", async () => {
  let now = 0;
  await using modules = new StandInCells(["exit", "honest"], {}, undefined, () => now);
  for (let i = 0; i < 8; i++) await modules.start("exit").end();
  const late = modules.start("exit");
  assertEquals((await modules.start("honest").alive()).ends, []);
  assertEquals([late.pid, late.ends], [0, []]);
  now += 501;
  assertEquals((await late.end()).detail, "exit status 3");
  const later = modules.start("exit");
  assertEquals((await modules.start("honest").alive()).ends, []);
  assertEquals([later.pid, later.ends], [0, []]);
});

Deno.test("starts go round the modules: one that has many to start holds up no other", async () => {
  let now = 0;
  const program = { folders: [], command: () => ({ file: "/nowhere/sallyport", args: [], env: {} }) };
  await using modules = new StandInCells(["quiet", "loud"], { cells: 20 }, program, () => now);
  // All that may be started at once, of both.
  for (const name of ["quiet", "loud"]) {
    for (let i = 0; i < 84; i++) await modules.start(name).end();
  }
  const loud = Array.from({ length: 40 }, () => modules.start("loud"));
  const quiet = modules.start("quiet");
  now += 51; // one start in total
  await until(() => [quiet, ...loud].some(({ ends }) => ends.length > 0), "the one start that is due");
  assertEquals([quiet.ends.length, loud.filter(({ ends }) => ends.length > 0).length], [1, 0]);
  now += 51;
  await loud[0]!.end();
});

Deno.test("a program that can't be started is an end with the reason", async () => {
  const program = { folders: [], command: () => ({ file: "/nowhere/sallyport", args: [], env: {} }) };
  await using modules = new StandInCells(["honest"], {}, program);
  const { cause, detail } = await modules.start("honest").end();
  assertEquals(cause, "crash");
  assertStringIncludes(detail, "ENOENT");
});

Deno.test("close() ends every process, and nothing starts afterwards", async () => {
  await using modules = new StandInCells(["honest"]);
  const running = await modules.start("honest").alive();
  const starting = modules.start("honest");
  await modules.close();
  assertEquals([running.ends.length, starting.ends.length], [1, 1]);
  assertEquals(await runs(running.pid), false);
  assertEquals((await modules.start("honest").end()).cause, "crash");
});
