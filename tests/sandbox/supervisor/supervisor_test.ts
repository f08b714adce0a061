import { assert, assertEquals, assertLess } from "../../assert.ts";
import { until } from "../../helpers/until.ts";
import { Supervised } from "./supervised.ts";

Deno.test("a front that drains ends the supervisor with 0, and the service manager hears it all", async () => {
  await using one = new Supervised("honest");
  await one.has("ready");
  assertEquals(one.told[0], "ready serving, 3 of at most 10 connections");
  await until(() => one.healthy(), "health");
  one.supervisor.reload();
  await one.has("ready", 2);
  one.supervisor.stop();
  // Has no effect any more.
  one.supervisor.reload();
  assertEquals(await one.status, 0);
  assertEquals(one.told.filter((what) => !what.startsWith("status")).map((what) => what.split(" ")[0]), [
    "ready",
    "reloading",
    "ready",
    "stopping",
  ]);
});

Deno.test("a front gets cells, their output and their end", async () => {
  await using one = new Supervised("one_cell");
  assertEquals(await one.status, 0);
});

Deno.test("a front that could not start, or has a wrong configuration, ends the supervisor with its status", async () => {
  for (const [front, status] of [["exit_1", 1], ["exit_2", 2]] as const) {
    await using one = new Supervised(front);
    assertEquals([await one.status, one.restarts], [status, []]);
  }
});

Deno.test("a front that dies again and again is started with growing pauses, then its status is the supervisor's", async () => {
  await using one = new Supervised("exit_7_once_ready");
  assertEquals(await one.status, 7);
  assertEquals(one.restarts.map(({ pause }) => pause), [50, 100, 200, 400]);
  assertEquals(one.restarts[0]!.detail, "exit status 7");
});

for (
  const [front, why] of [
    ["garbage", "it wrote what is no frame"],
    ["repeats_a_request", "it wrote what it may not ask"],
    ["flood", "it wrote too many frames"],
    ["deaf", "it does not read what it is told"],
  ] as const
) {
  Deno.test(`a front is killed and replaced because ${why}`, async () => {
    await using one = new Supervised(front);
    assertEquals((await one.restarted()).detail, why);
    await until(() => one.pids.size > 1, "another front");
  });
}

Deno.test("a front that does not end in time is killed", async () => {
  await using one = new Supervised("stubborn");
  await one.has("ready");
  one.supervisor.stop();
  assertEquals(await one.status, 1);
});

Deno.test("a stop in the pause before the next front ends the supervisor at once", async () => {
  // A busy machine may take as long as the pause for other reasons, but not each time.
  const tookMs: number[] = [];
  do {
    await using one = new Supervised("exit_7_once_ready");
    await one.restarted(4);
    const began = performance.now();
    one.supervisor.stop();
    assertEquals(await one.status, 0);
    tookMs.push(performance.now() - began);
  } while (tookMs.at(-1)! >= 390 && tookMs.length < 8);
  assertLess(tookMs.at(-1)!, 390, "the pause of 400 ms was waited for");
});

Deno.test("a stop before the front serves ends it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using one = new Supervised("honest", { prepared: () => promise });
  one.supervisor.stop();
  resolve();
  assertEquals(await one.status, 0);
  assertEquals(one.told.filter((what) => what.startsWith("ready")), []);
});

Deno.test("a program that can't be started is tried again, then the supervisor ends with 1", async () => {
  const program = { folders: [], command: () => ({ file: "/nowhere/sallyport", args: [], env: {} }) };
  await using one = new Supervised("honest", { program });
  assertEquals(await one.status, 1);
  assertEquals(one.restarts.length, 4);
  assert(one.restarts[0]!.detail.includes("ENOENT"), one.restarts[0]!.detail);
});

Deno.test("a configuration that can't be served ends the front and is thrown", async () => {
  const prepared = () => {
    throw new TypeError("wrong");
  };
  await using one = new Supervised("honest", { prepared });
  assertEquals(await one.status.catch((error) => String(error)), "TypeError: wrong");
});
