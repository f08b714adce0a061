import { assert, assertEquals } from "../../assert.ts";
import { CpuWatch } from "../../../lib/sandbox/host/cpu_watch.ts";

/** Looks twice a second at a process that uses `cores`; how many seconds until it is too much. */
function secondsUntil(watch: CpuWatch, cores: number, pending: boolean, asked = false): number | null {
  for (let now = 500; now <= 60_000; now += 500) {
    if (asked) watch.asked();
    if (watch.look(now, cores * now, pending) !== null) return now / 1000;
  }
  return null;
}

Deno.test("a cell with a call may use a core and a quarter, and no more for longer than a call may take", () => {
  assertEquals(secondsUntil(new CpuWatch(2000, 0), 1.25, true), null);
  assertEquals(secondsUntil(new CpuWatch(2000, 0), 3.25, true), 1.5);
  assertEquals(secondsUntil(new CpuWatch(2000, 0), 1.25, false, true), null, "what it was given is done already");
});

Deno.test("a cell that nothing asks may use a quarter of a core", () => {
  assertEquals(secondsUntil(new CpuWatch(1000, 0), 0.25, false), null);
  assertEquals(secondsUntil(new CpuWatch(1000, 0), 0.75, false), 2.5);
});

Deno.test("the excess is a call's time, and a second at least", () => {
  assertEquals(secondsUntil(new CpuWatch(10, 0), 1.25, false), 1.5);
  assertEquals(secondsUntil(new CpuWatch(5000, 0), 1.25, false), 5.5);
});

Deno.test("an excess is paid back by rest", () => {
  const watch = new CpuWatch(1000, 0);
  assertEquals(watch.look(1000, 1150, false), null);
  assertEquals(watch.look(5000, 1150, false), null);
  assertEquals(watch.look(6000, 2300, false), null, "900 ms of excess, the first is paid");
  assertEquals(watch.look(6100, 2600, false), 1175);
});

Deno.test("an order counts for one look", () => {
  const watch = new CpuWatch(1000, 0);
  watch.asked();
  assertEquals(watch.look(1000, 1250, false), null);
  assertEquals(watch.look(2000, 2600, false), 1100);
  assert(watch.look(2000, 2600, false) !== null, "it stays too much");
});
