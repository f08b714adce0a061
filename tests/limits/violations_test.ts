import fc from "fast-check";
import { VIOLATION_WINDOW_MS, Violations } from "../../lib/limits/violations.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";

Deno.test("Violations.add() trips on the max-th within a minute, for each key by itself", () => {
  const violations = new Violations(3);
  assertEquals([0, 1, 2].map((now) => violations.add("a", now)), [false, false, true]);
  assertEquals([3, 4, 5].map((now) => violations.add("b", now)), [false, false, true]);
  assertEquals(violations.add("a", 6), false, "counting started over");
});

Deno.test("Violations.add() counts in a window that moves on, not from minute to minute", () => {
  const violations = new Violations(3);
  assertEquals(violations.add("a", 50_000), false);
  assertEquals(violations.add("a", 70_000), false);
  assertEquals(violations.add("a", 109_999), true);
  assertEquals(violations.add("b", 50_000), false);
  assertEquals(violations.add("b", 70_000), false);
  assertEquals(violations.add("b", 110_000), false, "the first is a whole minute ago");
});

Deno.test("Violations.add() counts right after a long time with few violations", () => {
  const violations = new Violations(40);
  let now = 0;
  // A minute holds thirty of them.
  for (let i = 0; i < 500; i++) assertEquals(violations.add("a", now += 2_000), false);
  for (let i = 31; i < 40; i++) assertEquals(violations.add("a", now), false, String(i));
  assertEquals(violations.add("a", now), true);
});

Deno.test("Violations.add() trips exactly when a window holds max, by definition", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 200 });
  fc.assert(fc.property(gaps, fc.integer({ min: 1, max: 50 }), (gaps, max) => {
    const violations = new Violations(max);
    let now = 0;
    let counted: number[] = [];
    for (const gap of gaps) {
      now += gap;
      counted.push(now);
      const expected = counted.filter((time) => time > now - VIOLATION_WINDOW_MS).length >= max;
      assertEquals(violations.add("a", now), expected);
      if (expected) counted = [];
    }
  }));
});

Deno.test("Violations remembers a bounded number of keys, and forgets those that behaved longest", () => {
  const violations = new Violations(2);
  violations.add("first", 0);
  for (let i = 0; i < 1_000_000; i++) {
    violations.add(`key ${i}`, 1);
    assertLessOrEqual(violations.size, 65_536);
  }
  assertEquals(violations.add("key 999999", 2), true);
  assertEquals(violations.add("key 950000", 2), true);
  assertEquals(violations.add("first", 2), false);
});

Deno.test("Violations.sweep() forgets keys after a minute, and all when the clock goes back", () => {
  const violations = new Violations(5);
  violations.add("a", 1000);
  violations.add("b", 2000);
  violations.sweep(60_999);
  assertEquals(violations.size, 2);
  violations.sweep(61_000);
  assertEquals(violations.size, 1);
  violations.sweep(0);
  assertEquals(violations.size, 0);
});

Deno.test("Violations.add() counts from zero after the clock went back", () => {
  const violations = new Violations(2);
  violations.add("a", 1e9);
  assert(!violations.add("a", 0));
  assert(violations.add("a", 1));
});
