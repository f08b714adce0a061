import fc from "fast-check";
import type { SessionLimits, Verdict } from "../../lib/limits/limits.ts";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";
import { countUntilRefused, makeLimits } from "../helpers/limits.ts";

const HIGH = { rate: 1e6, burst: 1e6 };
const WIDE = { ...HIGH, bytes_rate: 1e9, bytes_burst: 1e9 };

function scope(verdict: Verdict): string | null {
  return verdict === null ? null : verdict.scope;
}

/** A message with calls of these costs; the scope that refused first. */
function send(session: SessionLimits, ...costs: number[]): string | null {
  const message = session.message(10);
  if (message) return scope(message);
  for (const cost of costs) {
    const verdict = session.call("m", cost);
    if (verdict) return scope(verdict);
  }
  return null;
}

const BUCKETS = [
  ["connection", { connection: { ...WIDE, rate: 1, burst: 5 } }],
  ["user", { connection: WIDE, user: { rate: 1, burst: 5 } }],
  ["ip", { connection: WIDE, user: HIGH, ip: { rate: 1, burst: 5 } }],
  ["bytes", { connection: { ...HIGH, bytes_rate: 10, bytes_burst: 50 } }],
] as const;

for (const [name, changes] of BUCKETS) {
  Deno.test(`SessionLimits.message() is limited by the ${name} bucket and says so`, () => {
    const { limits, telemetry, clock } = makeLimits(changes);
    const session = limits.session("192.0.2.1", "ann");
    assertEquals(countUntilRefused(() => session.message(10) === null), 5);
    // The address' bucket is others' too.
    const excused = name === "ip";
    assertEquals(session.message(10), { scope: name, retryAfterMs: 1000, action: "reject", excused });
    assertEquals(telemetry.limits.get(name, ""), 2);
    clock.advance(999);
    assertEquals(scope(session.message(10)), name);
    clock.advance(1);
    assertEquals(session.message(10), null);
    assertEquals(scope(session.message(10)), name);
  });
}

for (const name of ["connection", "user", "ip"] as const) {
  Deno.test(`SessionLimits.charge() ${name === "ip" ? "leaves the ip bucket alone" : `takes from the ${name} bucket`}`, () => {
    const [, changes] = BUCKETS.find(([bucket]) => bucket === name)!;
    const { limits, clock } = makeLimits(changes);
    const session = limits.session("192.0.2.1", "ann");
    session.charge(4);
    assertEquals(countUntilRefused(() => session.message(10) === null), name === "ip" ? 5 : 1);
    session.charge(1_000);
    clock.advance(name === "ip" ? 1_000 : 6_000);
    assertEquals(session.message(10), null, "the debt is one burst at most");
  });
}

Deno.test("SessionLimits share the user's and the address's buckets, not the connection's", () => {
  const { limits } = makeLimits({ user: { rate: 1, burst: 6 }, ip: { rate: 1, burst: 10 } });
  const sessions = [["192.0.2.1", "ann"], ["192.0.2.2", "ann"], ["192.0.2.1", "bob"]] as const;
  const [ann, annElsewhere, bob] = sessions.map(([ip, user]) => limits.session(ip, user));
  for (let i = 0; i < 3; i++) assertEquals([send(ann!), send(annElsewhere!)], [null, null]);
  assertEquals([send(ann!), send(annElsewhere!)], ["user", "user"]);
  for (let i = 0; i < 6; i++) assertEquals(send(bob!), null);
  assertEquals(send(bob!), "user");
  assertEquals(send(limits.session("192.0.2.1", "eve")), null);
  assertEquals(send(limits.session("192.0.2.1", "dan")), "ip");
});

Deno.test("SessionLimits.message() that one bucket refuses takes nothing from the others", () => {
  const { limits } = makeLimits({ connection: { ...WIDE, rate: 1, burst: 3 }, user: { rate: 1, burst: 5 } });
  const first = limits.session("192.0.2.1", "ann");
  for (let i = 0; i < 100; i++) first.message(10);
  const second = limits.session("192.0.2.1", "ann");
  assertEquals(countUntilRefused(() => second.message(10) === null), 2);
});

Deno.test("SessionLimits.message() names the bucket that takes longest", () => {
  const { limits, clock } = makeLimits({ connection: { ...WIDE, rate: 10, burst: 1 }, user: { rate: 1, burst: 1 } });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(session.message(1), null);
  assertEquals(session.message(1), { scope: "user", retryAfterMs: 1000, action: "reject", excused: false });
  clock.advance(1000);
  assertEquals(session.message(1), null);
});

for (const scope of ["connection", "user", "ip"] as const) {
  Deno.test(`SessionLimits charge a message and its calls once to the ${scope}: the cost of each, and at least one`, () => {
    const spent = (...costs: number[]) => {
      const narrow = { rate: 1e-9, burst: 100 };
      const { limits } = makeLimits({
        connection: scope === "connection" ? { ...WIDE, ...narrow } : WIDE,
        user: scope === "user" ? narrow : HIGH,
        ip: scope === "ip" ? narrow : HIGH,
      });
      const session = limits.session("192.0.2.1", "ann");
      assertEquals(send(session, ...costs), null);
      return 100 - countUntilRefused(() => session.message(1) === null);
    };
    assertEquals(spent(), 1);
    assertEquals(spent(1), 1);
    assertEquals(spent(5), 5);
    assertEquals(spent(0), 1);
    assertEquals(spent(1, 1, 1), 3);
    assertEquals(spent(0, 1), 1);
    assertEquals(spent(0.5, 0.5, 0.5), 2);
    assertEquals(spent(3, 4), 7);
  });
}

Deno.test("SessionLimits charge as many tokens as elements cost, for any batch", () => {
  const costs = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 20 });
  fc.assert(fc.property(costs, (costs) => {
    const { limits } = makeLimits({ connection: { ...WIDE, rate: 1e-9, burst: 1000 }, user: HIGH, ip: HIGH });
    const session = limits.session("192.0.2.1", "ann");
    assertEquals(send(session, ...costs), null);
    const sum = costs.reduce((a, b) => a + b, 0);
    assertEquals(1000 - countUntilRefused(() => session.message(1) === null), Math.max(1, sum));
  }));
});

Deno.test("SessionLimits.call() that is refused takes nothing and may be tried again", () => {
  const { limits, clock } = makeLimits({
    connection: { ...WIDE, rate: 1, burst: 10 },
    types: { m: { rate: 0.1, burst: 1 } },
  });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(send(session, 3), null);
  assertEquals(session.message(1), null);
  const refused = session.call("m", 3);
  assertEquals(refused, { scope: "method", retryAfterMs: 10_000, action: "reject", excused: false });
  assertEquals(countUntilRefused(() => session.message(1) === null), 10 - 3 - 1);
  clock.advance(10_000);
  assertEquals(session.call("m", 3), null);
});

Deno.test("SessionLimits.call() limits a method for each user, over all connections", () => {
  const { limits, telemetry } = makeLimits({ types: { m: { rate: 5, burst: 4 } } });
  const ann = [limits.session("192.0.2.1", "ann"), limits.session("192.0.2.2", "ann")];
  const bob = limits.session("192.0.2.1", "bob");
  for (const session of [...ann, ...ann]) assertEquals(send(session, 1), null);
  assertEquals(ann.map((session) => send(session, 1)), ["method", "method"]);
  assertEquals(send(bob, 1), null);
  ann[0]!.message(1);
  assertEquals(ann[0]!.call("other", 1), null);
  assertEquals(telemetry.limits.get("method", ""), 2);
});

Deno.test("SessionLimits.call() takes one token of the method's bucket for a call of any cost", () => {
  const { limits } = makeLimits({ types: { m: { rate: 1e-9, burst: 4 } } });
  const session = limits.session("192.0.2.1", "ann");
  for (let i = 0; i < 4; i++) assertEquals(send(session, 10), null);
  assertEquals(send(session, 0), "method");
});

Deno.test("SessionLimits.call() treats names of inherited properties as any other name", () => {
  const { limits } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  session.message(1);
  for (const name of ["__proto__", "constructor", "toString", ""]) assertEquals(session.call(name, 0), null);
});

Deno.test("SessionLimits keep a user's method tokens across reconnects", () => {
  const { limits } = makeLimits({ types: { m: { rate: 1e-9, burst: 2 } }, user: { rate: 1, burst: 3 } });
  for (let i = 0; i < 2; i++) {
    const session = limits.session("192.0.2.1", "ann");
    assertEquals(send(session, 1), null);
    session.release();
    session.release();
  }
  limits.tick();
  assertEquals(send(limits.session("192.0.2.1", "ann"), 1), "method");
  assertEquals(send(limits.session("192.0.2.1", "ann")), "user");
});

Deno.test("SessionLimits.message() lets bytes above the burst pass once, and makes them pay", () => {
  const { limits, clock } = makeLimits({ connection: { ...HIGH, bytes_rate: 100, bytes_burst: 50 } });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(session.message(150), null);
  assertEquals(session.message(50), { scope: "bytes", retryAfterMs: 1500, action: "reject", excused: false });
  clock.advance(1500);
  assertEquals(session.message(50), null);
});

Deno.test("SessionLimits.control() refuses a flood of pings, and never an honest client", () => {
  const { limits, clock } = makeLimits();
  const flood = limits.session("192.0.2.1", "ann");
  assertEquals(countUntilRefused(() => flood.control(0, "ping") === null), 100);
  assertEquals(scope(flood.control(0, "pong")), "connection");
  assertEquals(countUntilRefused(() => !flood.violation()), 19);

  const honest = limits.session("192.0.2.2", "bob");
  for (let i = 0; i < 10_000; i++) {
    assertEquals([honest.control(4, "ping"), honest.control(4, "pong")], [null, null]);
    clock.advance(1000);
  }
});

Deno.test("SessionLimits.control() answers pings of a client that has used up its messages, or may send few", () => {
  const { limits, clock } = makeLimits({ connection: { ...WIDE, rate: 0.1, burst: 1 } });
  const session = limits.session("192.0.2.1", "ann");
  session.message(1);
  assertEquals(scope(session.message(1)), "connection");
  assertEquals(countUntilRefused(() => session.control(4, "pong") === null), 100);
  clock.advance(1000);
  assertEquals(countUntilRefused(() => session.control(4, "pong") === null), 10);
});

Deno.test("SessionLimits.control() lets a message of 1,025 tiny fragments through to its own limit, not a flood", () => {
  const { limits } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  const fragments = countUntilRefused(() => session.control(0, "fragment") === null);
  assertGreater(fragments, 1025);
  assertLessOrEqual(fragments, 2000);
});

Deno.test("SessionLimits.control() counts the bytes of pings, not those of fragments", () => {
  const { limits } = makeLimits({ connection: { ...HIGH, bytes_rate: 1, bytes_burst: 1000 } });
  const session = limits.session("192.0.2.1", "ann");
  session.control(100, "fragment");
  assertEquals(session.message(950), null);
  session.control(50, "ping");
  assertEquals(scope(session.message(1)), "bytes");
});

Deno.test("SessionLimits.violation() bans the user over all connections together", () => {
  const { limits, log } = makeLimits({ max_violations: 4 });
  const sessions = [limits.session("192.0.2.1", "ann"), limits.session("192.0.2.2", "ann")];
  assertEquals([0, 1, 0, 1].map((i) => sessions[i]!.violation()), [false, false, false, true]);
  assertEquals(limits.bans.banned("user:ann"), 60_000);
  assertEquals(limits.bans.banned("ip:192.0.2.1"), 0);
  assertEquals(log.events(), ["ban.added"]);
});

Deno.test("SessionLimits.violation() forgives what is a minute old", () => {
  const { limits, clock } = makeLimits({ max_violations: 3 });
  const session = limits.session("192.0.2.1", "ann");
  for (let i = 0; i < 100; i++) {
    assertEquals(session.violation(), false);
    clock.advance(30_000);
  }
});

Deno.test("SessionLimits say delay where that is configured, except for methods, control frames and long waits", () => {
  const { limits } = makeLimits({
    on_exceed: "delay",
    connection: { ...HIGH, bytes_rate: 1000, bytes_burst: 1000 },
    user: { rate: 1, burst: 3 },
    types: { m: { rate: 1, burst: 1 } },
  });
  const session = limits.session("192.0.2.1", "ann");
  session.message(1);
  assertEquals(session.call("m", 1), null);
  assertEquals(session.call("m", 1), { scope: "method", retryAfterMs: 1000, action: "reject", excused: false });
  session.message(1);
  session.message(1);
  assertEquals(session.message(1), { scope: "user", retryAfterMs: 1000, action: "delay", excused: false });
  countUntilRefused(() => session.control(0, "ping") === null, 1_000_001);
  assertEquals(session.control(0, "ping")!.action, "reject");

  const big = limits.session("192.0.2.1", "bob");
  assertEquals(big.message(20_000), null);
  assertEquals(big.message(1)!.action, "reject");
});

/** Messages that pass in ten seconds of one a millisecond. */
function goodput(shrink: number, violate: boolean, perSecond = 1000): number {
  const { limits, clock } = makeLimits({ connection: { ...WIDE, rate: 40, burst: 40 }, user: HIGH });
  const session = limits.session("192.0.2.1", "ann");
  countUntilRefused(() => session.message(1) === null);
  if (violate) session.violation();
  limits.shrink = shrink;
  let passed = 0;
  for (let i = 0; i < 10 * perSecond; i++) {
    clock.advance(1000 / perSecond);
    if (session.message(1) === null) passed++;
  }
  return passed;
}

Deno.test("Limits.shrink slows heavy users, and violators twice as much", () => {
  assertEquals(goodput(1, false), 400);
  assertEquals(goodput(1, true), 400);
  assertEquals(goodput(1 / 4, false), 100);
  assertEquals(goodput(1 / 4, true), 25);
});

Deno.test("Limits.shrink slows no light user, and no pings", () => {
  assertEquals(goodput(1 / 8, false, 4), 40);
  const { limits } = makeLimits();
  limits.shrink = 1 / 8;
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(countUntilRefused(() => session.control(0, "ping") === null), 100);
});

Deno.test("SessionLimits tell true how long to wait, all buckets considered", () => {
  const rate = fc.integer({ min: 1, max: 200 });
  const bucket = fc.record({ rate, burst: rate });
  const steps = fc.array(fc.record({ dt: fc.integer({ min: 0, max: 300 }), bytes: fc.integer({ min: 0, max: 3000 }) }));
  fc.assert(fc.property(bucket, bucket, bucket, fc.constantFrom(1, 1 / 2, 1 / 8), steps, (a, b, c, shrink, steps) => {
    const connection = { ...a, bytes_rate: 10_000, bytes_burst: 5000 };
    const { limits, clock } = makeLimits({ connection, user: b, ip: c });
    limits.shrink = shrink;
    const session = limits.session("192.0.2.1", "ann");
    for (const { dt, bytes } of steps) {
      clock.advance(dt);
      const verdict = session.message(bytes);
      if (verdict === null) continue;
      if (verdict.retryAfterMs >= 20) {
        clock.advance(verdict.retryAfterMs * 0.9);
        assert(session.message(bytes) !== null, "passes before its time");
        clock.advance(verdict.retryAfterMs * 0.1);
      } else clock.advance(verdict.retryAfterMs);
      assertEquals(session.message(bytes), null);
    }
  }));
});

interface Attempt {
  readonly dt: number;
  readonly bytes: number;
  readonly cost: number;
}

/** Sends a message with one call: null when it passed, else what the client is told to wait. */
function request(session: SessionLimits, { bytes, cost }: Attempt): number | null {
  if (session.message(bytes) !== null) return session.resend(bytes, "m", cost);
  return session.call("m", cost)?.retryAfterMs ?? null;
}

Deno.test("SessionLimits tell true when a refused call may be sent again, for any cost and content of the buckets", () => {
  const number = fc.integer({ min: 1, max: 300 });
  const bucket = fc.record({ rate: fc.double({ min: 0.5, max: 500, noNaN: true }), burst: number });
  const attempt = fc.record({
    dt: fc.integer({ min: 0, max: 3000 }),
    bytes: fc.integer({ min: 0, max: 3000 }),
    cost: fc.oneof(number, fc.constantFrom(0, 1, 2, 1000)),
  });
  const shrinks = fc.constantFrom(1, 1, 1 / 2, 1 / 8);
  const run = fc.array(attempt, { minLength: 1, maxLength: 30 });
  let refusals = 0;
  fc.assert(fc.property(bucket, bucket, bucket, bucket, shrinks, run, (a, user, ip, m, shrink, run) => {
    const connection = { ...a, bytes_rate: 10_000, bytes_burst: 5000 };
    const [early, exact] = [0.9, 1].map((part) => {
      const { limits, clock } = makeLimits({ connection, user, ip, types: { m } });
      limits.shrink = shrink;
      return { clock, part, session: limits.session("192.0.2.1", "ann") };
    });
    for (const attempt of run) {
      const told = [early!, exact!].map(({ clock, session }) => {
        clock.advance(attempt.dt);
        return request(session, attempt);
      })[0]!;
      if (told === null) continue;
      refusals++;
      exact!.clock.advance(told);
      assertEquals(request(exact!.session, attempt), null, `not after ${told} ms`);
      // Rounded up to whole milliseconds, so that short waits may be over a little earlier.
      if (told < 20) return;
      early!.clock.advance(told * 0.9);
      assert(request(early!.session, attempt) !== null, `before ${told} ms`);
      return;
    }
  }));
  assertGreater(refusals, 20);
});

Deno.test("SessionLimits.call() tells of the message's token as well", () => {
  const { limits, clock } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  for (let i = 0; i < 5; i++) assertEquals(send(session, 20), null);
  assertEquals(session.message(10)?.retryAfterMs, 20);
  assertEquals(session.resend(10, "m", 20), 400);
  clock.advance(200);
  assertEquals(session.message(10), null);
  assertEquals(session.call("m", 20)?.retryAfterMs, 220);
  clock.advance(210);
  assertEquals(session.resend(10, "m", 20), 10);
  clock.advance(10);
  assertEquals(send(session, 20), null);
});

Deno.test("SessionLimits.call() tells of the bytes that the message takes again", () => {
  const { limits, clock } = makeLimits({
    connection: { ...HIGH, bytes_rate: 100, bytes_burst: 500 },
    types: { m: { rate: 100, burst: 1 } },
  });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals([session.message(400), session.call("m", 1)], [null, null]);
  assertEquals(session.message(100), null);
  assertEquals(session.call("m", 1), { scope: "method", retryAfterMs: 1000, action: "reject", excused: false });
  clock.advance(1000);
  assertEquals([session.message(100), session.call("m", 1)], [null, null]);
});

Deno.test("SessionLimits.call() lets a cost above the burst pass from full buckets, and keeps the long-run rate", () => {
  const { limits, clock } = makeLimits({ user: HIGH, ip: HIGH });
  const session = limits.session("192.0.2.1", "ann");
  const start = clock.time;
  for (let passed = 0; passed < 20;) {
    if (send(session, 500) === null) passed++;
    else clock.advance(session.resend(10, "m", 500));
  }
  // 19 times 500 tokens at 50 a second; the first came from the burst.
  const refilled = (clock.time - start) * 50 / 1000;
  assertGreater(refilled, 19 * 500 - 1);
  assertLessOrEqual(refilled, 19 * 500 + 20);
});

Deno.test("SessionLimits.call() does not let a cost above the burst pass behind another one of its message", () => {
  const { limits } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(send(session, 2, 500), "connection");
  assertEquals(session.call("m", 500)!.retryAfterMs, 40);
});

Deno.test("SessionLimits.call() that is delayed is told to wait for what is missing, not to pay its message again", () => {
  const { limits, clock } = makeLimits({ on_exceed: "delay", user: HIGH, ip: HIGH });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(send(session, 100), null);
  clock.advance(1000);
  assertEquals(session.message(10), null);
  assertEquals(session.call("m", 60), { scope: "connection", retryAfterMs: 200, action: "delay", excused: false });
  clock.advance(200);
  assertEquals(session.call("m", 60), null);
});
