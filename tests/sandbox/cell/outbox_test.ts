/** Bounds of the operations that a cell sends unasked: number, size, and unsent bytes. */
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { MAX_INFO_BYTES, MAX_LOG_BYTES, ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { CellBench } from "./cell_bench.ts";

const start = () => CellBench.load({ methods: {} });
const MIB = 1024 * 1024;
const MAX_PENDING_BYTES = 16 * MIB;

/** How many of these operations the outbox takes before it refuses one. */
function countTaken(bench: CellBench, text: string, most: number): number {
  for (let taken = 0; taken < most; taken++) {
    try {
      bench.out.unasked(ToHost.Notify, 1, 0, 0, text);
    } catch (error) {
      assert(error instanceof RangeError);
      return taken;
    }
  }
  return most;
}

Deno.test("Outbox.loaded() sends a contract of 1 MiB, and refuses a longer one", async () => {
  const bench = await start();
  bench.out.loaded("x".repeat(MAX_INFO_BYTES - 2));
  assertEquals(bench.sent[0]?.[1], JSON.stringify("x".repeat(MAX_INFO_BYTES - 2)));
  assertThrows(() => bench.out.loaded("x".repeat(MAX_INFO_BYTES - 1)), RangeError, "contract is longer");
});

Deno.test("Outbox.unasked() takes 20,000 operations a second, and more for each message that has arrived", async () => {
  const bench = await start();
  assertEquals(countTaken(bench, "x", 30_000), 20_000);
  bench.out.earn();
  assertEquals(countTaken(bench, "x", 30_000), 64);
  bench.time += 500;
  assertEquals(countTaken(bench, "x", 30_000), 10_000);
});

Deno.test("Outbox.unasked() takes 32 MiB a second, of both texts", async () => {
  const bench = await start();
  assertEquals(countTaken(bench, "x".repeat(MIB), 100), 32);
  const other = await start();
  for (let i = 0; i < 32; i++) other.out.unasked(ToHost.Publish, 0, 0, 0, "t", "x".repeat(MIB - 1));
  assertThrows(() => other.out.unasked(ToHost.Publish, 0, 0, 0, "t"), RangeError, "sends too much");
});

Deno.test("Outbox takes nothing from a handler while 16 MiB are not sent", async () => {
  const bench = await start();
  bench.pending = MAX_PENDING_BYTES;
  bench.out.unasked(ToHost.Notify, 1, 0, 0, "inside");
  bench.out.log(1, "info", "inside", "");
  bench.pending++;
  assertThrows(() => bench.out.unasked(ToHost.Notify, 1, 0, 0, "outside"), RangeError, "sends too much");
  bench.out.log(1, "info", "outside", "");
  assertEquals(await bench.settled(), [["Notify", 1, "inside"], ["Log", 1, 1, "inside"]]);
});

Deno.test("Outbox.log() drops lines above the allowance, and answers still leave", async () => {
  const bench = await start();
  countTaken(bench, "x", 30_000);
  await bench.settled();
  bench.out.log(1, "error", "too much", "");
  bench.out.result(1, "null");
  assertEquals(await bench.settled(), [["Result", 1, "null"]]);
});

Deno.test("Outbox.log() cuts a message to 4,096 bytes, and leaves out fields that are longer", async () => {
  const bench = await start();
  const fields = (length: number) => `{"a":"${"x".repeat(length - 8)}"}`;
  bench.out.log(0, "warn", "a".repeat(MAX_LOG_BYTES), fields(MAX_LOG_BYTES));
  bench.out.log(0, "warn", "a".repeat(MAX_LOG_BYTES + 1), fields(MAX_LOG_BYTES + 1));
  bench.out.log(0, "warn", "€".repeat(MAX_LOG_BYTES), "");
  const [whole, cut, wide] = await bench.settled();
  assertEquals(whole, ["Log", 2, "a".repeat(MAX_LOG_BYTES), fields(MAX_LOG_BYTES)]);
  assertEquals(cut, ["Log", 2, "a".repeat(MAX_LOG_BYTES)]);
  assertEquals(wide, ["Log", 2, "€".repeat(Math.floor(MAX_LOG_BYTES / 3))]);
});

Deno.test("Outbox sends more than 64 KiB at once, and less at the end of the turn", async () => {
  const bench = await start();
  bench.out.result(1, JSON.stringify("x".repeat(60 * 1024)));
  assertEquals(bench.sent.length, 0);
  bench.out.result(2, JSON.stringify("x".repeat(10 * 1024)));
  assertEquals(bench.sent.length, 2);
  const other = await start();
  other.out.result(1, "null");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(other.sent.length, 1);
  other.out.working = true;
  other.out.result(2, "null");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(other.sent.length, 1, "the end of the chunk flushes");
  other.out.flush();
  assertEquals(other.sent.length, 2);
});
