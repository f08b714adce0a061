import { assert, assertEquals } from "../../assert.ts";
import { CellQueue } from "../../../lib/sandbox/host/cell_queue.ts";
import { OperationWriter } from "../../../lib/sandbox/wire/operation_writer.ts";

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

Deno.test("a cell is busy from 4,096 operations on, each 128 bytes counting as one more", async () => {
  const { queue: made } = queue();
  for (let i = 0; i < 4095; i++) made.add(0);
  assertEquals(made.busy, false);
  made.add(0);
  assertEquals(made.busy, true);
  await turn();
  assertEquals(made.progress(4096), true);
  assertEquals([made.busy, made.undone], [false, 0]);
  made.add(4094 * 128);
  assertEquals(made.busy, false);
  made.add(128);
  assertEquals(made.busy, true);
});

Deno.test("it is full from 32 MiB on, what waits elsewhere included", async () => {
  const { queue: made } = queue();
  made.add((32 << 20) - 1);
  assertEquals([made.full(0), made.full(1)], [false, true]);
  await turn();
  assertEquals([made.full(0), made.full(1)], [false, true]);
  made.progress(1);
  assertEquals([made.full((32 << 20) - 1), made.full(32 << 20)], [false, true]);
});

Deno.test("no more can be done than was given", async () => {
  const { queue: made } = queue();
  made.add(0);
  await turn();
  assertEquals([made.progress(2), made.undone, made.progress(1), made.progress(1)], [false, 1, true, false]);
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
  assert(made.progress(1));
  assertEquals(made.silent(1000), 300, "the second was not done");
  assert(made.progress(1));
  assertEquals(made.silent(1000), 0);
});

Deno.test("after the end nothing is sent", async () => {
  const { flushes, queue: made } = queue();
  made.add(0);
  made.end();
  await turn();
  assertEquals(flushes, []);
});
