/** The breaker before calls of Redis. */
import { assertEquals } from "../../assert.ts";
import { Breaker } from "../../../lib/cluster/redis/breaker.ts";

Deno.test("Breaker refuses calls after three failures in a row, and lets one through after a while", () => {
  let now = 0;
  const breaker = new Breaker(() => now, () => 0.5);
  const fail = () => {
    if (breaker.admits()) breaker.failed();
  };
  fail();
  fail();
  breaker.succeeded();
  fail();
  fail();
  assertEquals(breaker.admits(), true, "two failures in a row");
  breaker.failed();
  assertEquals(breaker.admits(), false, "three failures in a row");
  now = 49;
  assertEquals(breaker.admits(), false);
  now = 50;
  assertEquals([breaker.admits(), breaker.admits()], [true, false], "one call tries");
  breaker.failed();
  now = 149;
  assertEquals(breaker.admits(), false, "the pause has doubled");
  now = 150;
  assertEquals(breaker.admits(), true);
  breaker.succeeded();
  assertEquals([breaker.admits(), breaker.admits()], [true, true]);
});

Deno.test("Breaker pauses for five seconds at most", () => {
  let now = 0;
  const breaker = new Breaker(() => now, () => 1);
  for (let i = 0; i < 50; i++) {
    now += 5_000;
    assertEquals(breaker.admits(), true, `attempt ${i}`);
    breaker.failed();
  }
});
