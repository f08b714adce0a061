import fc from "fast-check";
import { TokenBucket } from "../../lib/limits/bucket.ts";
import { assert, assertAlmostEquals, assertEquals, assertGreater } from "../assert.ts";

/** One request of a client: so long after the one before (negative: the clock was set back), for so many tokens. */
interface Step {
  dt: number;
  cost: number;
}

const limit = fc.record({
  rate: fc.double({ min: 0.01, max: 5000, noNaN: true }),
  burst: fc.double({ min: 1, max: 500, noNaN: true }),
});
const cost = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const forward = fc.oneof(
  fc.constant(0),
  fc.double({ min: 0, max: 50, noNaN: true }),
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 86_400_000 }),
);
const jumping = fc.oneof(
  { weight: 4, arbitrary: forward },
  { weight: 1, arbitrary: fc.integer({ min: -86_400_000, max: -1 }) },
);
const steps = fc.array(fc.record({ dt: forward, cost }), { maxLength: 150 });
const jumps = fc.array(fc.record({ dt: jumping, cost }), { maxLength: 150 });

/** The worst of all windows that end at `time`: tokens spent in it beyond `burst + rate × its length`. */
function excess(spent: { at: number; cost: number }[], time: number, rate: number, burst: number): number {
  let sum = 0;
  let worst = -Infinity;
  for (let i = spent.length - 1; i >= 0; i--) {
    sum += spent[i]!.cost;
    worst = Math.max(worst, sum - burst - rate * (time - spent[i]!.at) / 1000);
  }
  return worst;
}

/** Time as far as it went forward: a clock that is set back gives no tokens, and takes none. */
function play(
  limits: { rate: number; burst: number },
  run: Step[],
  each: (take: () => number, step: Step, at: number) => void,
) {
  let now = 1e9;
  let at = 0;
  const bucket = new TokenBucket(limits, now);
  for (const step of run) {
    now += step.dt;
    at += Math.max(0, step.dt);
    // A bucket knows only the moments at which it is asked.
    bucket.wait(0, now);
    each(() => bucket.take(step.cost, now), step, at);
  }
}

for (const [name, run] of [["", steps], [" when the clock jumps", jumps]] as const) {
  Deno.test(`TokenBucket never gives more than burst + rate × t in any window${name}`, () => {
    fc.assert(fc.property(limit, run, (limits, run) => {
      const spent: { at: number; cost: number }[] = [];
      play(limits, run, (take, { cost }, at) => {
        if (take() !== 0) return;
        spent.push({ at, cost });
        assert(excess(spent, at, limits.rate, limits.burst) < 1e-3, "too many tokens in a window");
      });
    }));
  });

  Deno.test(`TokenBucket never refuses a client that stays below the limit in every window${name}`, () => {
    fc.assert(fc.property(limit, run, (limits, run) => {
      const spent: { at: number; cost: number }[] = [];
      play(limits, run, (take, { cost }, at) => {
        if (excess([...spent, { at, cost }], at, limits.rate, limits.burst) > -1e-4) return;
        spent.push({ at, cost });
        assertEquals(take(), 0);
      });
    }));
  });
}

Deno.test("TokenBucket says exactly how long to wait", () => {
  fc.assert(fc.property(limit, steps, (limits, run) => {
    let now = 0;
    const bucket = new TokenBucket(limits, now);
    for (const { dt, cost } of run) {
      now += dt / 1000;
      const wait = bucket.take(cost, now);
      if (wait === 0) continue;
      // A hundredth of the missing tokens is more than sums of fractions may miss.
      if (wait * limits.rate > 1) assertGreater(bucket.wait(cost, now + wait * 0.99), 0);
      now += wait;
      assertEquals(bucket.take(cost, now), 0);
    }
  }));
});

Deno.test("TokenBucket refills at its rate after the burst, not at one a second", () => {
  const bucket = new TokenBucket({ rate: 50, burst: 100 }, 0);
  let taken = 0;
  for (let now = 0; now <= 10_000; now++) while (bucket.take(1, now) === 0) taken++;
  assertEquals(taken, 100 + 50 * 10);
});

Deno.test("TokenBucket keeps fractions: one token in three seconds is twenty a minute", () => {
  const bucket = new TokenBucket({ rate: 1 / 3, burst: 1 }, 0);
  let taken = 0;
  for (let now = 0; now < 60_000; now += 7) if (bucket.take(1, now) === 0) taken++;
  assertEquals(taken, 20);
  assertAlmostEquals(new TokenBucket({ rate: 1 / 3, burst: 1 }, 0).wait(1, 0), 0);
});

Deno.test("TokenBucket holds no more than its burst after a year", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 7 }, 0);
  let taken = 0;
  for (let asked = 0; asked < 100; asked++) if (bucket.take(1, 365 * 86_400_000) === 0) taken++;
  assertEquals(taken, 7);
});

Deno.test("TokenBucket neither loses nor gains when the clock is set back", () => {
  const bucket = new TokenBucket({ rate: 10, burst: 10 }, 1_000_000);
  for (let i = 0; i < 10; i++) assertEquals(bucket.take(1, 1_000_000), 0);
  assertAlmostEquals(bucket.take(1, 0), 100, 1e-6);
  assertEquals(bucket.take(1, 100), 0);
  assertAlmostEquals(bucket.take(1, 100), 100, 1e-6);
});

Deno.test("TokenBucket lets a cost above its burst pass when full, and makes it pay in full", () => {
  const bucket = new TokenBucket({ rate: 10, burst: 10 }, 0);
  assertEquals(bucket.take(1, 0), 0);
  assertAlmostEquals(bucket.take(100, 0), 100, 1e-6);
  assertEquals(bucket.take(100, 100), 0);
  // 90 tokens of debt and the one asked for, at 10 a second.
  assertAlmostEquals(bucket.take(1, 100), 9100, 1e-6);
  assertEquals(bucket.take(1, 9200), 0);
});

Deno.test("TokenBucket.charge() goes into debt, by one burst at most", () => {
  const bucket = new TokenBucket({ rate: 1, burst: 5 }, 0);
  bucket.charge(3, 0);
  assertEquals(bucket.wait(2, 0), 0);
  for (let i = 0; i < 100; i++) bucket.charge(3, 0);
  assertAlmostEquals(bucket.wait(1, 0), 6000, 1e-6);
});

Deno.test("TokenBucket.charge() does not forgive a larger debt", () => {
  const bucket = new TokenBucket({ rate: 1, burst: 5 }, 0);
  assertEquals(bucket.take(50, 0), 0);
  bucket.charge(1, 0);
  assertAlmostEquals(bucket.wait(1, 0), 46_000, 1e-6);
});

Deno.test("TokenBucket follows a limit that is changed", () => {
  const limits = { rate: 1, burst: 10 };
  const bucket = new TokenBucket(limits, 0);
  limits.burst = 2;
  assertEquals([bucket.take(1, 0), bucket.take(1, 0)], [0, 0]);
  assertAlmostEquals(bucket.take(1, 0), 1000, 1e-6);
  limits.rate = 100;
  assertAlmostEquals(bucket.take(1, 0), 10, 1e-6);
});

Deno.test("TokenBucket with a rate of zero never refills", () => {
  const bucket = new TokenBucket({ rate: 0, burst: 1 }, 0);
  assertEquals(bucket.take(1, 0), 0);
  assertEquals(bucket.take(1, 1e12), Infinity);
});

Deno.test("TokenBucket.full() is true of one that is as good as new", () => {
  const bucket = new TokenBucket({ rate: 2, burst: 3 }, 0);
  assert(bucket.full(0));
  bucket.take(1, 0);
  assert(!bucket.full(499));
  assert(bucket.full(500));
});
