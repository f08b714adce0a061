import { assert, assertEquals } from "../../assert.ts";
import { until } from "../../helpers/until.ts";
import { Supervised } from "./supervised.ts";

/** The first words of what the service manager heard, without the regular figures. */
const heard = ({ told }: Supervised) =>
  told.filter((what) => !what.startsWith("status")).map((what) => what.split(" ")[0]);

Deno.test("each front gets a number, the sockets of all, and one secret; the figures are summed", async () => {
  await using one = new Supervised("placed", { fronts: 3 });
  await one.has("ready");
  assertEquals(one.told, ["ready serving, 111 of at most 30 connections, 3 of 3 fronts"]);
  one.supervisor.stop();
  assertEquals([await one.status, one.restarts], [0, []]);
});

Deno.test("the service manager hears of readiness once every front listens", async () => {
  await using one = new Supervised("second_is_late", { fronts: 2 });
  await one.has("status serving, 3 of at most 10 connections, 1 of 2 fronts");
  assertEquals([heard(one), await one.healthy()], [[], false]);
  await Deno.writeTextFile(`${one.folder.path}/go`, "");
  await one.has("ready");
  await until(() => one.healthy(), "health");
  one.supervisor.reload();
  await one.has("ready", 2);
  assertEquals(heard(one), ["ready", "reloading", "ready"]);
});

Deno.test("a front that is killed is started again alone, and the service is not healthy until then", async () => {
  await using one = new Supervised("honest", { fronts: 2 });
  await one.has("ready");
  await until(() => one.healthy(), "health");
  const [first, second] = [one.supervisor.frontPid(0)!, one.supervisor.frontPid(1)!];
  Deno.kill(second, "SIGKILL");
  const { front, detail, healthy } = await one.restarted();
  assertEquals([front, detail, healthy], [1, "ended by SIGKILL", false]);
  await one.has("ready", 2);
  assert(one.supervisor.frontPid(1) !== second, "another process");
  assertEquals(one.supervisor.frontPid(0), first);
  await until(() => one.healthy(), "health");
  assertEquals(one.restarts.length, 1);
});

Deno.test("a front that is stopped leaves the service without health", async () => {
  await using one = new Supervised("honest", { fronts: 2 });
  await one.has("ready");
  await until(() => one.healthy(), "health");
  Deno.kill(one.supervisor.frontPid(1)!, "SIGSTOP");
  await until(async () => !await one.healthy(), "the loss of health");
  assertEquals(one.restarts, [], "it was lost before the front was killed");
  assertEquals((await one.restarted()).detail, "no sign of life for 10000 ms");
  await until(() => one.healthy(), "health");
});

Deno.test("a front that dies again and again ends the service with its status, and the others drain", async () => {
  await using one = new Supervised("second_ends", { fronts: 2 });
  assertEquals(await one.ended(), 7);
  assertEquals(one.restarts.map(({ front, pause }) => [front, pause]), [[1, 50], [1, 100], [1, 200], [1, 400]]);
  assertEquals(heard(one).at(-1), "stopping");
});

Deno.test("a front that asks for all the cells it can get leaves those of the other", async () => {
  await using one = new Supervised("second_is_greedy", { fronts: 2 });
  assertEquals(await one.ended(), 0);
});

Deno.test("a front that could not start ends the service with its status", async () => {
  await using one = new Supervised("second_fails", { fronts: 2 });
  assertEquals([await one.ended(), one.restarts], [1, []]);
  assertEquals(heard(one), ["stopping"]);
});
