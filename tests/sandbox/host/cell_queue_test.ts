import { assert, assertEquals, assertLess } from "../../assert.ts";
import { CellQueue } from "../../../lib/sandbox/host/cell_queue.ts";
import { OperationWriter } from "../../../lib/sandbox/wire/operation_stream.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function queue() {
  const clock = { now: 0 };
  const flushes: number[] = [];
  const stream = { out: new OperationWriter(), flush: () => void flushes.push(clock.now) };
  return { clock, flushes, queue: new CellQueue(stream, () => clock.now) };
}

Deno.test("operations of one turn leave together", async () => {
  const { flushes, queue: made } = queue();
  for (let i = 0; i < 10; i++) made.add(1);
  assertEquals(flushes, []);
  await turn();
  assertEquals([flushes.length, made.undone], [1, 10]);
});

Deno.test("a turn has the time of its first operation, or of the first question for it, until it leaves", async () => {
  const { clock, queue: made } = queue();
  clock.now = 100;
  assertEquals(made.turnAt(), 100);
  clock.now = 150;
  made.add(0);
  assertEquals(made.turnAt(), 100);
  await turn();
  assertEquals(
    [made.turnAt(), made.silent(160)],
    [150, 60],
    "the next turn, and the silence since the last one",
  );
});

Deno.test("a cell is busy from 512 operations on at first, each 128 bytes counting as one more", async () => {
  const { queue: made } = queue();
  for (let i = 0; i < 511; i++) made.add(0);
  assertEquals(made.busy, false);
  made.add(0);
  assertEquals(made.busy, true);
  await turn();
  assertEquals(made.progress(512, false), true);
  assertEquals([made.busy, made.undone], [false, 0]);
  made.add(510 * 128);
  assertEquals(made.busy, false);
  made.add(128);
  assertEquals(made.busy, true);
});

/** Keeps the cell busy for `turns`, in each of which it does `does`. Gives how many operations make it busy then. */
async function lengthAfter(made: CellQueue, turns: number, does: number): Promise<number> {
  for (let i = 0; i < turns; i++) {
    while (!made.busy) made.add(0);
    await turn();
    assert(made.progress(Math.min(does, made.undone), true));
  }
  while (!made.busy) made.add(0);
  return made.undone;
}

Deno.test("a cell is given what it does in a turn or two, and no more", async () => {
  for (const does of [10, 300, 2000, 1]) {
    const { queue: made } = queue();
    const length = await lengthAfter(made, 1000, does);
    assert(length >= does && length <= 2 * does + 4, `${length} for ${does} a turn`);
  }
  const { queue: made } = queue();
  assertEquals(await lengthAfter(made, 100, 1_000_000), 4096, "never more");
});

Deno.test("a cell that becomes slow or quick is given less or more", async () => {
  const { queue: made } = queue();
  await lengthAfter(made, 100, 2000);
  assertLess(await lengthAfter(made, 1000, 5), 15);
  assert(await lengthAfter(made, 100, 1000) >= 1000);
});

Deno.test("a cell that nothing waits for keeps its share", async () => {
  const { queue: made } = queue();
  for (let i = 0; i < 100; i++) {
    for (let n = 0; n < 20; n++) made.add(0);
    await turn();
    assert(made.progress(10, false));
    assert(made.progress(10, false));
  }
  assertEquals(await lengthAfter(made, 0, 0), 512);
});

Deno.test("it is full from 32 MiB on, what waits elsewhere included", async () => {
  const { queue: made } = queue();
  made.add((32 << 20) - 1);
  assertEquals([made.full(0), made.full(1)], [false, true]);
  await turn();
  assertEquals([made.full(0), made.full(1)], [false, true]);
  made.progress(1, false);
  assertEquals([made.full((32 << 20) - 1), made.full(32 << 20)], [false, true]);
});

Deno.test("no more can be done than was given", async () => {
  const { queue: made } = queue();
  made.add(0);
  await turn();
  assertEquals([made.progress(2, false), made.undone, made.progress(1, false), made.progress(1, false)], [
    false,
    1,
    true,
    false,
  ]);
});

Deno.test("an operation that left before its turn was over can be done", async () => {
  const { queue: made } = queue();
  made.add(100);
  assertEquals([made.progress(1, false), made.undone], [true, 0]);
  made.add(0);
  await turn();
  assertEquals([made.progress(1, false), made.undone, made.silent(1000)], [true, 0, 0]);
});

Deno.test("a cell owes a sign of life from the oldest turn that it has not done, and none when it has done all", async () => {
  const { clock, queue: made } = queue();
  assertEquals(made.silent(1000), 0);
  made.add(0);
  assertEquals(made.silent(1000), 0, "it was not sent");
  await turn();
  assertEquals(made.silent(1000), 1000);
  clock.now = 600;
  made.alive();
  assertEquals(made.silent(1000), 400);
  made.add(0);
  await turn();
  clock.now = 700;
  assert(made.progress(1, false));
  assertEquals(made.silent(1000), 300, "the second was not done");
  assert(made.progress(1, false));
  assertEquals(made.silent(1000), 0);
});

Deno.test("after the end nothing is sent", async () => {
  const { flushes, queue: made } = queue();
  made.add(0);
  made.end();
  await turn();
  assertEquals(flushes, []);
});
