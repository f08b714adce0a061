import { assert, assertEquals } from "../assert.ts";
import { Turns } from "../../lib/limits/limits.ts";
import { Intake, PauseReason } from "../../lib/session/intake.ts";

class Tap {
  readonly calls: string[] = [];
  constructor(readonly pausable = true) {}
  pause(): boolean {
    this.calls.push("pause");
    return this.pausable;
  }
  resume(): void {
    this.calls.push("resume");
  }
}

/** The pauses that a life is told. */
class Clock {
  readonly calls: string[] = [];
  paused = (at: number) => void this.calls.push(`paused ${at}`);
  resumed = (at: number) => void this.calls.push(`resumed ${at}`);
}

Deno.test("Intake says when reading stops and goes on, not where the engine can't stop", () => {
  const clock = new Clock();
  const intake = new Intake(new Tap(), new Turns(setImmediate), clock, () => 7);
  intake.pause(PauseReason.MESSAGE);
  intake.pause(PauseReason.TURN);
  intake.resume(PauseReason.MESSAGE);
  assertEquals(clock.calls, ["paused 7"]);
  intake.resume(PauseReason.TURN);
  assertEquals(clock.calls, ["paused 7", "resumed 7"]);
  const never = new Clock();
  new Intake(new Tap(false), new Turns(setImmediate), never, () => 7).pause(PauseReason.TURN);
  assertEquals(never.calls, []);
});

Deno.test("Intake reads on when no reason to pause is left", () => {
  const tap = new Tap();
  const intake = new Intake(tap, new Turns(setImmediate), new Clock(), () => 7);
  assert(intake.pause(PauseReason.MESSAGE) && intake.pause(PauseReason.TURN));
  intake.resume(PauseReason.MESSAGE);
  assert(intake.paused);
  intake.resume(PauseReason.REQUEST); // was none
  intake.resume(PauseReason.TURN);
  assert(!intake.paused);
  assertEquals(tap.calls, ["pause", "resume"]);
});

Deno.test("Intake.pause() pauses nothing where the engine can't", () => {
  const tap = new Tap(false);
  const intake = new Intake(tap, new Turns(setImmediate), new Clock(), () => 7);
  assert(!intake.pause(PauseReason.REQUEST));
  intake.resume(PauseReason.REQUEST);
  assertEquals(tap.calls, ["pause"]);
});

Deno.test("Intake.spend() gives the others their turn after a session's share", () => {
  const tap = new Tap();
  let next: () => void = () => {};
  const shares = { own: 3, crowded: 3, crowd: Infinity, resumed: 1, reading: 1 };
  const intake = new Intake(tap, new Turns((run) => next = run, shares), new Clock(), () => 7);
  for (let i = 0; i < 3; i++) intake.spend(32);
  assertEquals(tap.calls, ["pause"]);
  next();
  assertEquals(tap.calls, ["pause", "resume"]);
});

Deno.test("Intake.stop() leaves no timer and resumes nothing", () => {
  const tap = new Tap();
  const timers = new Set<() => void>();
  const later = (run: () => void) => {
    timers.add(run);
    return () => timers.delete(run);
  };
  const intake = new Intake(tap, new Turns(setImmediate), new Clock(), () => 7, later);
  intake.pause(PauseReason.MESSAGE);
  intake.wait(1, () => tap.calls.push("late"));
  assertEquals(timers.size, 1);
  intake.stop();
  assertEquals(timers.size, 0);
  intake.wait(1, () => tap.calls.push("later"));
  assertEquals(timers.size, 0);
  intake.resume(PauseReason.MESSAGE);
  assertEquals(tap.calls, ["pause"]);
});
