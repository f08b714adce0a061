import { BucketTable } from "../../lib/limits/table.ts";
import { assert, assertEquals, assertGreater, assertLess, assertNotEquals, assertStrictEquals } from "../assert.ts";

const limit = { rate: 1, burst: 2 };

Deno.test("BucketTable.find() gives a key its own bucket, and the same each time", () => {
  const table = new BucketTable({ ...limit });
  const bucket = table.find("a", 0);
  bucket.take(2, 0);
  assertStrictEquals(table.find("a", 0), bucket);
  assertNotEquals(table.find("b", 0), bucket);
  assertEquals(table.find("b", 0).take(1, 0), 0);
});

Deno.test("BucketTable stays within its capacity under a million keys that all owe something", () => {
  const table = new BucketTable({ ...limit }, { capacity: 1000, overflow: 16, seed: 1 });
  for (let i = 0; i < 1_000_000; i++) table.find(`key ${i}`, i / 1e6).take(1, i / 1e6);
  assertEquals(table.size, 1000);
});

Deno.test("BucketTable drops the buckets of a million keys that come one after the other", () => {
  const table = new BucketTable({ ...limit }, { capacity: 1000, overflow: 16, seed: 1 });
  // A token is back after a second, in which fifty new keys come.
  for (let i = 0; i < 1_000_000; i++) table.find(`key ${i}`, i * 20).take(1, i * 20);
  assertLess(table.size, 120);
});

Deno.test("BucketTable does not forget what a key owes in a flood of other keys", () => {
  const table = new BucketTable({ rate: 0.001, burst: 2 }, { capacity: 100, overflow: 4, seed: 1 });
  table.find("victim", 0).take(2, 0);
  for (let i = 0; i < 10_000; i++) table.find(`key ${i}`, 0).take(1, 0);
  assertGreater(table.find("victim", 0).take(1, 0), 0);
});

Deno.test("BucketTable makes keys without room share buckets that can't be reset by further keys", () => {
  const table = new BucketTable({ rate: 0.001, burst: 2 }, { capacity: 10, overflow: 4, seed: 1 });
  let taken = 0;
  for (let i = 0; i < 10_000; i++) if (table.find(`key ${i}`, 0).take(1, 0) === 0) taken++;
  // Ten had a bucket each, of which they took one token; the others emptied four.
  assertEquals(taken, 10 + 4 * 2);
});

Deno.test("BucketTable gives keys their own bucket again once there is room", () => {
  const table = new BucketTable({ ...limit }, { capacity: 10, overflow: 1, seed: 1 });
  for (let i = 0; i < 20; i++) table.find(`key ${i}`, 0).take(2, 0);
  assertGreater(table.find("new", 0).take(1, 0), 0);
  const bucket = table.find("new", 60_000);
  assertEquals(bucket.key, "new");
  assertEquals(bucket.take(2, 60_000), 0);
});

Deno.test("BucketTable keeps what is held, full or not, until it is given back", () => {
  const table = new BucketTable({ ...limit }, { capacity: 10, overflow: 1 });
  const held = table.hold("held", 0);
  for (let i = 0; i < 1000; i++) table.find(`key ${i}`, i * 10_000);
  assertStrictEquals(table.find("held", 1e9), held);
  held.holders--;
  table.sweep(100, 1e9);
  assertEquals(table.size, 0);
});

Deno.test("BucketTable.sweep() drops full buckets and keeps the others", () => {
  const table = new BucketTable({ ...limit });
  for (let i = 0; i < 10; i++) table.find(`full ${i}`, 0);
  const busy = table.find("busy", 0);
  busy.take(1, 0);
  table.sweep(100, 0);
  assertEquals(table.size, 1);
  assertStrictEquals(table.find("busy", 0), busy);
});

Deno.test("BucketTable chooses shared buckets by a seed of its own", () => {
  const shared = (seed: number) => {
    const table = new BucketTable({ rate: 0, burst: 1 }, { capacity: 1, overflow: 64, seed });
    table.find("first", 0).take(1, 0);
    const chosen = Array.from({ length: 64 }, (_, i) => table.find(`key ${i}`, 0));
    return chosen.map((bucket) => chosen.indexOf(bucket)).join();
  };
  assertEquals(shared(1), shared(1));
  assertNotEquals(shared(1), shared(2));
  assert(new Set(shared(3).split(",")).size > 20, "keys are spread");
});
