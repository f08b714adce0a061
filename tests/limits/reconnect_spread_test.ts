import { reconnectDelays, type Returning, TokenBucket } from "../../lib/limits/limits.ts";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";

const LIMITS = { handshake: { rate: 5, burst: 20 }, handshake_user: { rate: 1, burst: 20 } };
const LEAST_MS = 10_000;

function crowd(count: number, ip: (i: number) => string, userId = (i: number) => `user-${i}`): Returning[] {
  return Array.from({ length: count }, (_, i) => ({ ip: ip(i), userId: userId(i) }));
}

/** Seconds by which the last one comes back. */
function lastOf(delays: Map<Returning, number>): number {
  return Math.max(...delays.values()) / 1000;
}

Deno.test("reconnectDelays(): clients of different addresses are spread over the least time, evenly", () => {
  const delays = [
    ...reconnectDelays(crowd(5000, (i) => `10.0.${i >> 8}.${i & 255}`), LIMITS, LEAST_MS, Math.random)
      .values(),
  ];
  assert(delays.every((delay) => delay >= 0 && delay <= LEAST_MS));
  for (let second = 0; second < 10; second++) {
    const within = delays.filter((delay) => delay >= second * 1000 && delay < (second + 1) * 1000).length;
    assert(within > 350 && within < 650, `${within} in second ${second}`);
  }
});

for (
  const [name, ip] of [["an IPv4 address", () => "192.0.2.1"], ["a /64", (i: number) => `2001:db8::${i}`]] as const
) {
  for (const count of [1, 20, 60, 200, 1000]) {
    Deno.test(`reconnectDelays(): ${count} clients of ${name} fit its bucket, with half the burst to spare`, () => {
      for (let round = 0; round < 20; round++) {
        const delays = reconnectDelays(crowd(count, ip), LIMITS, LEAST_MS, Math.random);
        const bucket = new TokenBucket(LIMITS.handshake, 0);
        for (let newcomer = 0; newcomer < 9; newcomer++) assertEquals(bucket.take(1, 0), 0);
        for (const at of [...delays.values()].sort((a, b) => a - b)) assertEquals(bucket.take(1, at), 0, `at ${at}`);
        assertLessOrEqual(lastOf(delays), Math.max(10, (count - 10) / 5));
      }
    });
  }
}

Deno.test("reconnectDelays(): a user's many sessions fit the user's bucket, at two handshakes each", () => {
  const delays = reconnectDelays(crowd(40, (i) => `10.0.0.${i}`, () => "ann"), LIMITS, LEAST_MS, Math.random);
  assertGreater(lastOf(delays), 40);
  assertLessOrEqual(lastOf(delays), 70);
});

Deno.test("reconnectDelays() are ten minutes at most", () => {
  const slow = { handshake: { rate: 0.01, burst: 1 }, handshake_user: { rate: 0.01, burst: 1 } };
  assertLessOrEqual(lastOf(reconnectDelays(crowd(500, () => "192.0.2.1"), slow, LEAST_MS, Math.random)), 600);
});

Deno.test("reconnectDelays() put another client last each time", () => {
  const clients = crowd(100, () => "192.0.2.1");
  const last = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const delays = [...reconnectDelays(clients, LIMITS, LEAST_MS, Math.random)].sort(([, a], [, b]) => b - a);
    last.add(delays[0]![0].userId);
  }
  assertGreater(last.size, 5);
});
