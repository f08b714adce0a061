import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { type Due, TimingWheel } from "../../lib/timing/timing_wheel.ts";

class Probe implements Due {
  readonly checks: number[] = [];
  constructor(readonly next: (now: number) => number = () => Infinity) {}
  check(now: number): number {
    this.checks.push(now);
    return this.next(now);
  }
}

Deno.test("TimingWheel.advance() calls what is due, once, never early", () => {
  const deadlines = new TimingWheel(100, 0);
  const probe = new Probe();
  deadlines.set(probe, 250);
  for (const now of [0, 100, 200, 249]) deadlines.advance(now);
  assertEquals(probe.checks, []);
  deadlines.advance(300);
  deadlines.advance(400);
  assertEquals(probe.checks, [300]);
  assertEquals(deadlines.size, 0);
});

Deno.test("TimingWheel.set() moves and removes a deadline", () => {
  const deadlines = new TimingWheel(100, 0);
  const [moved, removed, past] = [new Probe(), new Probe(), new Probe()];
  deadlines.set(moved, 200);
  deadlines.set(moved, 500);
  deadlines.set(removed, 200);
  deadlines.delete(removed);
  deadlines.set(past, -1_000);
  deadlines.advance(300);
  assertEquals([moved.checks, removed.checks, past.checks], [[], [], [300]]);
  deadlines.advance(500);
  assertEquals(moved.checks, [500]);
});

Deno.test("TimingWheel.set() gives a past deadline the next turn, among any number of others", () => {
  const deadlines = new TimingWheel(100, 0);
  for (let at = 10_000; at < 12_000; at += 100) deadlines.set(new Probe(), at);
  deadlines.advance(1_000);
  const past = new Probe();
  deadlines.set(past, 500);
  deadlines.advance(1_100);
  assertEquals(past.checks, [1_100]);
});

Deno.test("TimingWheel.advance() sets the deadline a check returns", () => {
  const deadlines = new TimingWheel(100, 0);
  const probe = new Probe((now) => now < 1_000 ? now + 300 : Infinity);
  deadlines.set(probe, 100);
  for (let now = 0; now <= 2_000; now += 100) deadlines.advance(now);
  assertEquals(probe.checks, [100, 400, 700, 1_000]);
  assertEquals(deadlines.size, 0);
});

Deno.test("TimingWheel.advance() catches up after a long sleep and ignores a clock set back", () => {
  const deadlines = new TimingWheel(100, 0);
  const probes = [300, 100, 1e9].map((at) => {
    const probe = new Probe();
    deadlines.set(probe, at);
    return probe;
  });
  deadlines.advance(-5_000);
  deadlines.advance(1e8);
  assertEquals(probes.map((probe) => probe.checks.length), [1, 1, 0]);
  deadlines.advance(50);
  deadlines.advance(1e9);
  assertEquals(probes[2]!.checks, [1e9]);
});

Deno.test("TimingWheel.advance() lets a check remove another's deadline", () => {
  const deadlines = new TimingWheel(100, 0);
  const late = new Probe();
  const first = new Probe(() => {
    deadlines.delete(late);
    return Infinity;
  });
  deadlines.set(first, 100);
  deadlines.set(late, 200);
  deadlines.advance(500);
  assertEquals(late.checks, []);
});

Deno.test("TimingWheel meets every deadline within one slot", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 50 }),
    fc.integer({ min: 1, max: 400 }),
    (times, step) => {
      const deadlines = new TimingWheel(100, 0);
      const probes = times.map((at) => {
        const probe = new Probe();
        deadlines.set(probe, at);
        return { at, probe };
      });
      for (let now = 0; now <= 6_000; now += step) deadlines.advance(now);
      for (const { at, probe } of probes) {
        assertEquals(probe.checks.length, 1);
        assert(probe.checks[0]! >= at && probe.checks[0]! < at + 100 + step, `${probe.checks[0]} for ${at}`);
      }
    },
  ));
});

Deno.test("TimingWheel keeps a hundred thousand of them on one wheel, each met within its slot", () => {
  const deadlines = new TimingWheel(250, 0);
  const count = 100_000;
  const probes = Array.from({ length: count }, (_, i) => {
    const probe = new Probe();
    deadlines.set(probe, 1_000 + i % 10_000);
    return probe;
  });
  assertEquals(deadlines.size, count);
  for (let now = 0; now <= 12_000; now += 250) deadlines.advance(now);
  assertEquals(deadlines.size, 0);
  const late = probes.map(({ checks }, i) => checks[0]! - (1_000 + i % 10_000));
  assert(late.every((ms) => ms >= 0 && ms < 250));
});

Deno.test("TimingWheel.advance() says when the process last went on after a stall", () => {
  const deadlines = new TimingWheel(100, 0);
  const seen: number[] = [];
  const due = { check: (now: number, stalledUntil: number) => (seen.push(stalledUntil), now + 100) };
  deadlines.set(due, 100);
  for (const now of [100, 1_000, 2_000, 2_100]) deadlines.advance(now);
  assertEquals(seen, [-Infinity, -Infinity, 2_000, 2_000]);
});
