/** When a draining server tells its clients to come back, with and without other nodes. */
import { drainSessions } from "../../lib/server/drain_sessions.ts";
import { Registry, type Session } from "../../lib/session/session.ts";
import { configWith, memoryLog } from "../helpers/admission.ts";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";

/** The longest delay, with so many clients of one address and so many other nodes. */
async function longestDelay(clients: number, others: number, draining = false): Promise<number> {
  const base = configWith({ server: { drain_timeout: 20_000 } });
  const limits = { ...base.limits, handshake: { rate: 10, burst: 20 } };
  const registry = new Registry<Session>();
  const delays: number[] = [];
  for (let i = 0; i < clients; i++) {
    const session = {
      id: `${i}`,
      ip: "192.0.2.1",
      userId: `user ${i}`,
      announce: (delay: number) => delays.push(delay),
      drain() {
        registry.delete(this as unknown as Session);
      },
    };
    registry.add(session as unknown as Session);
  }
  const node = { name: "n", connections: 0, fingerprint: "", since: 0 };
  const nodes = [{ ...node, id: "own", own: true, draining: true }];
  for (let i = 0; i < others; i++) nodes.push({ ...node, id: `other ${i}`, own: false, draining });
  await drainSessions({
    config: { ...base, limits },
    log: memoryLog(),
    registry,
    cluster: { control: { nodes: () => nodes } },
    monotonic: () => performance.now(),
  });
  assertEquals(delays.length, clients);
  return Math.max(...delays);
}

Deno.test("clients of a node that drains alone come back after it has ended, those of one among others soon", async () => {
  const [alone, among] = [await longestDelay(40, 0), await longestDelay(40, 1)];
  assertGreater(alone, 15_000);
  assertLessOrEqual(alone, 20_000);
  assertLessOrEqual(among, 5_000);
});

Deno.test("nodes that drain too take no clients", async () => {
  assertGreater(await longestDelay(40, 2, true), 15_000);
});

Deno.test("many clients of one address come back no faster than the other nodes take them from there", async () => {
  // (1010 - 10) / 10 a second; of three nodes, each takes as many.
  const [one, three] = [await longestDelay(1_010, 1), await longestDelay(1_010, 3)];
  assert(one > 95_000 && one <= 100_000, String(one));
  assert(three > 31_000 && three <= 33_000, String(three));
});
