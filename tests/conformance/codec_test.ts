import { assertEquals } from "../assert.ts";
import { cases } from "./cases/cases.ts";
import { testAllCases } from "./engine.ts";
import { memoryPeer } from "./memory_peer.ts";
import { runCase } from "./runner.ts";

Deno.test("codec passes every case strictly", async (context) => {
  const connect = () => Promise.resolve(memoryPeer());
  await testAllCases({ name: "codec", connect, options: { deadlineMs: 0, quietMs: 0 } }, context);
});

Deno.test("cases are those of the numbers, each once", () => {
  const counts = new Map<string, number>();
  for (const { id } of cases) {
    const group = id.slice(0, id.lastIndexOf("."));
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  assertEquals(new Set(cases.map(({ id }) => id)).size, cases.length);
  assertEquals([...counts].map(([group, count]) => `${group}:${count}`).join(" "), COUNTS);
});

/** Cases in each group of the Autobahn test suite. */
const COUNTS = "1.1:8 1.2:8 2:11 3:7 4.1:5 4.2:5 5:20 " +
  "6.1:3 6.2:4 6.3:2 6.4:4 6.5:5 6.6:11 6.7:4 6.8:2 6.9:4 6.10:3 6.11:5 6.12:8 6.13:5 6.14:10 6.15:1 6.16:3 " +
  "6.17:5 6.18:5 6.19:5 6.20:7 6.21:8 6.22:34 6.23:7 " +
  "7.1:6 7.3:6 7.5:1 7.7:13 7.9:9 7.13:2 " +
  "9.1:6 9.2:6 9.3:9 9.4:9 9.5:6 9.6:6 9.7:6 9.8:6 10.1:1";

// The judge must be able to say no: a peer that accepts anything, and one that says nothing.
Deno.test("runCase() fails peers that are wrong", async () => {
  const silent = { write: () => Promise.resolve(), next: () => Promise.resolve("nothing" as const), end: () => {} };
  const gone = { ...silent, next: () => Promise.resolve("ended" as const) };
  for (const test of cases.filter(({ id }) => /^[2-7]\./.test(id))) {
    for (const peer of [silent, gone]) {
      const { behaviour } = await runCase(test, peer, { deadlineMs: 0, quietMs: 0 });
      const mayEnd = peer === gone && test.close.by === "server" && !test.id.startsWith("6.4");
      assertEquals(behaviour, mayEnd ? "abrupt" : "failed", test.id);
    }
  }
});
