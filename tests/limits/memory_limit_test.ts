import { memoryLimits, memoryShare } from "../../lib/limits/limits.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";

const MIB = 2 ** 20;
const limit = (bytes: number, used: number) => ({ bytes, used: () => used });

Deno.test("memoryShare() is that of the limit nearest to being reached, whichever is the smallest", () => {
  assertEquals(memoryShare([]), 0);
  assertEquals(memoryShare([limit(1000, 100), limit(400, 300), limit(200, 20)]), 0.75);
});

Deno.test("memoryLimits() holds the whole service against its control group, and the heap against V8's limit", () => {
  const { rss } = Deno.memoryUsage();
  const others = 300 * MIB;
  const limits = memoryLimits({ openFiles: null, memoryBytes: rss + 2 * others }, () => others);
  assertAlmostEquals(memoryShare(limits), (rss + others) / (rss + 2 * others), 0.1);
  const heap = memoryLimits({ openFiles: null, memoryBytes: 2 ** 50 });
  assert(memoryShare(heap) > 1e-3, "a large group does not hide a heap that fills");
  const alone = memoryLimits({ openFiles: null, memoryBytes: null });
  assertEquals(alone.length, 1);
  assert(memoryShare(alone) > 0 && memoryShare(alone) < 0.5);
});
