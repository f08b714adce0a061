import fc from "fast-check";
import { FairQueue } from "../../lib/timing/fair_queue.ts";
import { assertEquals } from "../assert.ts";

function take(queue: FairQueue<string, string>): string[] {
  const taken: string[] = [];
  for (let item = queue.next(); item !== undefined; item = queue.next()) taken.push(item);
  return taken;
}

Deno.test("FairQueue lets owners take turns", () => {
  const queue = new FairQueue<string, string>();
  for (const item of ["a1", "a2", "a3", "b1", "a4", "c1"]) queue.add(item[0]!, item);
  assertEquals([queue.size, queue.sizeOf("a"), queue.sizeOf("b"), queue.sizeOf("d")], [6, 4, 1, 0]);
  assertEquals(take(queue), ["a1", "b1", "c1", "a2", "a3", "a4"]);
  assertEquals([queue.size, queue.sizeOf("a")], [0, 0]);
});

Deno.test("FairQueue serves a newcomer after one item of each other owner", () => {
  const queue = new FairQueue<string, string>();
  for (let i = 0; i < 1000; i++) queue.add("flooder", "flood");
  queue.add("other", "other");
  queue.add("newcomer", "newcomer");
  assertEquals([queue.next(), queue.next(), queue.next(), queue.next()], ["flood", "other", "newcomer", "flood"]);
});

Deno.test("FairQueue gives every item once, each owner's in order, and starves no owner", () => {
  const step = fc.oneof(fc.constant(null), fc.nat(4));
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const queue = new FairQueue<number, { owner: number; number: number }>();
    const added: number[][] = [[], [], [], [], []];
    const taken: number[][] = [[], [], [], [], []];
    /** Items others got since an owner with something to take had its last turn. */
    const passed = new Map<number, number>();
    for (const [number, owner] of steps.entries()) {
      if (owner !== null) {
        queue.add(owner, { owner, number });
        added[owner]!.push(number);
        if (!passed.has(owner)) passed.set(owner, 0);
        continue;
      }
      const item = queue.next();
      if (item === undefined) continue;
      taken[item.owner]!.push(item.number);
      passed.delete(item.owner);
      for (const [other, times] of passed) passed.set(other, times + 1);
      for (const times of passed.values()) assertEquals(times <= 4, true);
      if (queue.sizeOf(item.owner) > 0) passed.set(item.owner, 0);
    }
    for (let item = queue.next(); item !== undefined; item = queue.next()) taken[item.owner]!.push(item.number);
    assertEquals(taken, added);
    assertEquals(queue.size, 0);
  }));
});
