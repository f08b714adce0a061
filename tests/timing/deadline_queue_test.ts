import { DeadlineQueue, type Expiring } from "../../lib/timing/deadline_queue.ts";
import { assertEquals } from "../assert.ts";
import { until } from "../helpers/until.ts";

class Item implements Expiring {
  count = 0;
  constructor(readonly then: () => void = () => {}) {}
  expired(): void {
    this.count++;
    this.then();
  }
}

Deno.test("DeadlineQueue calls what is due once, in order, and lets go of its timer", async () => {
  const order: number[] = [];
  const deadlines = new DeadlineQueue(20, () => performance.now());
  const items = [0, 1, 2].map((index) => new Item(() => order.push(index)));
  for (const item of items) deadlines.start(item);
  assertEquals(deadlines.size, 3);
  await until(() => deadlines.size === 0, "deadlines");
  assertEquals(order, [0, 1, 2]);
  assertEquals(items.map((item) => item.count), [1, 1, 1]);
});

Deno.test("DeadlineQueue.stop() forgets, and the sanitizer finds no timer left", async () => {
  const deadlines = new DeadlineQueue(10, () => performance.now());
  const stopped = new Item();
  deadlines.start(stopped);
  deadlines.stop(stopped);
  deadlines.stop(stopped);
  assertEquals(deadlines.size, 0);
  const other = new Item();
  deadlines.start(other);
  await until(() => other.count === 1, "the other one");
  assertEquals(stopped.count, 0);
  deadlines.start(stopped);
  deadlines.stop(stopped);
});

Deno.test("DeadlineQueue.start() again puts it off", async () => {
  let now = 0;
  const deadlines = new DeadlineQueue(10, () => now);
  const item = new Item();
  deadlines.start(item);
  now = 9;
  deadlines.start(item);
  const later = new Item();
  deadlines.start(later);
  now = 15;
  await new Promise((resolve) => setTimeout(resolve, 40));
  assertEquals(item.count, 0);
  now = 19;
  await until(() => item.count === 1 && later.count === 1, "both");
});

Deno.test("DeadlineQueue.start() again does not put off the others", async () => {
  let now = 0;
  const deadlines = new DeadlineQueue(10, () => now);
  const [item, other] = [new Item(), new Item()];
  deadlines.start(item);
  deadlines.start(other);
  now = 9;
  deadlines.start(item);
  now = 12;
  await until(() => other.count === 1, "the other one");
  assertEquals(item.count, 0);
  deadlines.stop(item);
});

Deno.test("DeadlineQueue: an item may start and stop others when it expires", async () => {
  const deadlines = new DeadlineQueue(10, () => performance.now());
  const victim = new Item();
  const heir = new Item();
  deadlines.start(
    new Item(() => {
      deadlines.stop(victim);
      deadlines.start(heir);
    }),
  );
  deadlines.start(victim);
  await until(() => heir.count === 1, "the heir");
  assertEquals(victim.count, 0);
  assertEquals(deadlines.size, 0);
});

Deno.test("DeadlineQueue has a timer only while it has an item", () => {
  const { setTimeout: arm, clearTimeout: disarm } = globalThis;
  const timers = new Set<unknown>();
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    const timer = arm(run, ms);
    timers.add(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (timer) => {
    timers.delete(timer);
    disarm(timer);
  };
  try {
    const deadlines = new DeadlineQueue(60_000, () => 0);
    const [item, other] = [new Item(), new Item()];
    deadlines.start(item);
    deadlines.start(other);
    assertEquals(timers.size, 1);
    deadlines.stop(item);
    assertEquals(timers.size, 1, "the other one is still due");
    deadlines.stop(other);
    const left = timers.size;
    for (const timer of timers) disarm(timer as ReturnType<typeof setTimeout>);
    assertEquals(left, 0);
  } finally {
    Object.assign(globalThis, { setTimeout: arm, clearTimeout: disarm });
  }
});
