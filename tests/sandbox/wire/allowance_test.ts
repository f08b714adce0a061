import { Allowance } from "../../../lib/sandbox/wire/allowance.ts";
import { assert, assertEquals } from "../../assert.ts";

/** Operations of `bytes` that pass at that time. */
function passed(allowance: Allowance, bytes: number, now: number): number {
  for (let count = 0; count < 2_000_000; count++) if (!allowance.take(bytes, () => now)) return count;
  throw new Error("there is no bound");
}

Deno.test("Allowance lets a second's worth of operations pass at once, and as many in each second after", () => {
  const allowance = new Allowance(1, 0);
  assertEquals(passed(allowance, 0, 0), 20_000);
  assertEquals(passed(allowance, 0, 500), 10_000);
  assertEquals(passed(allowance, 0, 60_000), 20_000, "no more is saved up");
  assertEquals(passed(allowance, 0, 30_000), 0, "a clock that went back brings nothing");
});

Deno.test("Allowance bounds bytes as well, and one operation larger than all of them", () => {
  const allowance = new Allowance(1, 0);
  assertEquals(passed(allowance, 1024 * 1024, 0), 32);
  assertEquals(new Allowance(1, 0).take(32 * 1024 * 1024 + 1, () => 0), false);
  assertEquals(new Allowance(1, 0).take(32 * 1024 * 1024, () => 0), true);
});

Deno.test("Allowance earns for each message of a client, up to a bound", () => {
  const allowance = new Allowance(1, 0);
  passed(allowance, 0, 0);
  allowance.earn(10);
  assertEquals(passed(allowance, 0, 0), 640);
  allowance.earn(1_000_000_000);
  assertEquals(passed(allowance, 0, 0), 64 * 20_000);
});

Deno.test("the host's allowance is larger than the cell's, so that an honest cell never exceeds it", () => {
  const [cell, host] = [new Allowance(1, 0), new Allowance(2, 0)];
  for (const each of [cell, host]) each.earn(100);
  const sent = passed(cell, 0, 0);
  for (let i = 0; i < sent; i++) assert(host.take(0, () => 0));
  assertEquals(passed(host, 0, 0), sent);
});
