import { systemFindings } from "../../../lib/config/findings/system.ts";
import { assertEquals, assertMatch } from "../../assert.ts";

const MIB = 1024 * 1024;
const configured = (max_connections: number, fronts = 1) =>
  ({ server: { max_connections, fronts } }) as Parameters<typeof systemFindings>[0];

Deno.test("systemFindings() says nothing of what is enough or unknown", () => {
  for (const limits of [{ openFiles: null, memoryBytes: null }, { openFiles: 11_128, memoryBytes: 469 * MIB }]) {
    assertEquals(systemFindings(configured(10_000), limits), []);
  }
});

Deno.test("systemFindings() is one warning with the figures of all that is not enough", () => {
  const files = systemFindings(configured(10_000), { openFiles: 11_127, memoryBytes: null });
  assertEquals(files.map(({ severity, where, what, remedy }) => [severity, where, what, remedy]), [[
    "warning",
    "server.max_connections",
    "10,000 connections need about 11,128 open files, the system grants 11,127",
    "Lower server.max_connections, or raise the limit of open files (LimitNOFILE=, ulimit -n) to 11,128",
  ]]);
  const both = systemFindings(configured(10_000_000), { openFiles: 1024, memoryBytes: 2048 * MIB });
  assertEquals(both.length, 1);
  assertMatch(both[0]!.what, /need about 11,000,128 open files, the system grants 1,024, and 468,750 MiB of memory/);
  assertMatch(both[0]!.what, /the system grants 2,048 MiB$/);
  const memory = systemFindings(configured(10_000), { openFiles: 20_000, memoryBytes: 468 * MIB });
  assertMatch(memory[0]!.what, /^10,000 connections need 469 MiB of memory while idle, the system grants 468 MiB$/);
});

Deno.test("systemFindings() counts the memory of all fronts, and the open files of each", () => {
  const [found] = systemFindings(configured(10_000, 3), { openFiles: 11_127, memoryBytes: 1406 * MIB });
  assertEquals(
    found?.what,
    "3 fronts with 10,000 connections need about 11,128 open files for each front, the system grants 11,127, " +
      "and 1,406 MiB of memory while idle, the system grants 1,406 MiB",
  );
  assertEquals(systemFindings(configured(10_000, 3), { openFiles: 11_128, memoryBytes: 1407 * MIB }), []);
});
