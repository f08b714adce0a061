/** Sharing of buckets: addresses of one /64, and sessions that have ended. */
import { Limits, type LimitSettings } from "../../lib/limits/limits.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import { assertEquals } from "../assert.ts";
import { Clock, countUntilRefused, Lines, makeLimits, settings } from "../helpers/limits.ts";

const PLENTY = { rate: 1e6, burst: 1e6 };
const WIDE: Partial<LimitSettings> = {
  ip: PLENTY,
  user: PLENTY,
  connection: { ...PLENTY, bytes_rate: 1e9, bytes_burst: 1e9 },
};

Deno.test("addresses of one /64 share the bucket of messages, others have their own", () => {
  const { limits } = makeLimits({ ...WIDE, ip: { rate: 0.001, burst: 6 } });
  const session = (ip: string) => limits.session(ip, `user of ${ip}`);
  const messages = (ip: string, most = 100) => {
    const own = session(ip);
    return countUntilRefused(() => own.message(1) === null, most);
  };
  assertEquals(messages("2001:db8:1:2::1", 4), 4);
  assertEquals(messages("2001:db8:1:2:ffff:ffff:ffff:ffff"), 2);
  assertEquals(messages("2001:DB8:1:2::3"), 0);
  assertEquals(session("2001:db8:1:2::4").message(1)?.scope, "ip");
  assertEquals([messages("2001:db8:1:3::1"), messages("2001:db8:1:1:ffff:ffff:ffff:ffff")], [6, 6]);
  assertEquals(messages("192.0.2.1", 4), 4);
  assertEquals([messages("::ffff:192.0.2.1"), messages("192.0.2.2")], [2, 6]);
});

/** Room for one bucket of its own in each table; all others share one. */
function withRoomForOne(changes: Partial<LimitSettings>) {
  const clock = new Clock();
  const limits = new Limits(settings({ ...WIDE, ...changes }), {
    log: new Lines(),
    telemetry: new Telemetry(),
    store: new MemoryStore(clock.now),
    now: clock.now,
    table: { capacity: 1, overflow: 1 },
  });
  return { clock, limits };
}

const SCOPES = [
  { scope: "user", changes: { user: { rate: 1, burst: 5 } } },
  { scope: "ip", changes: { ip: { rate: 1, burst: 5 } } },
  { scope: "method", changes: { types: { act: { rate: 1, burst: 5 } } } },
] as const;

for (const { scope, changes } of SCOPES) {
  Deno.test(`a session that has ended gives back its ${scope}'s bucket: its place is for the next one`, () => {
    const { clock, limits } = withRoomForOne(changes);
    const enter = (name: string) => limits.session(name, name);
    const spend = (session: ReturnType<typeof enter>) =>
      countUntilRefused(() => (session.message(1) ?? session.call("act", 1)) === null, 100);
    const first = enter("198.51.100.1");
    assertEquals(spend(first), 5);
    first.release();
    clock.advance(60_000);
    // The next two: one has the place that is free again, the other shares what is for all the rest.
    const [second, third] = [enter("198.51.100.2"), enter("198.51.100.3")];
    assertEquals([spend(second), spend(third)], [5, 5]);
    second.release();
    third.release();
  });

  Deno.test(`a session that lives keeps its ${scope}'s bucket, among any number of others`, () => {
    const { clock, limits } = withRoomForOne(changes);
    const spend = (session: ReturnType<Limits["session"]>) =>
      countUntilRefused(() => (session.message(1) ?? session.call("act", 1)) === null, 100);
    const first = limits.session("198.51.100.1", "198.51.100.1");
    assertEquals(spend(first), 5);
    clock.advance(60_000);
    for (let other = 2; other < 50; other++) {
      const session = limits.session(`198.51.100.${other}`, `198.51.100.${other}`);
      spend(session);
      session.release();
    }
    clock.advance(60_000);
    // A further session of the same one finds the same bucket, though all of them are full.
    const again = limits.session("198.51.100.1", "198.51.100.1");
    assertEquals([spend(first), spend(again)], [5, 0]);
    first.release();
    again.release();
  });
}

Deno.test("a session gives its buckets back once, after any number of calls", () => {
  const { clock, limits } = withRoomForOne({ user: { rate: 1, burst: 5 } });
  const [one, two] = [limits.session("198.51.100.1", "ada"), limits.session("198.51.100.1", "ada")];
  const spend = (session: typeof one) => countUntilRefused(() => session.message(1) === null, 100);
  one.release();
  one.release();
  clock.advance(60_000);
  // The bucket is still held by the second session: a newcomer finds no place, and shares with the one after.
  const [third, fourth] = [limits.session("198.51.100.1", "bob"), limits.session("198.51.100.1", "cyd")];
  assertEquals([spend(third), spend(fourth), spend(two)], [5, 0, 5]);
});
