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

Deno.test("Intake reads on when no reason to pause is left", () => {
  const tap = new Tap();
  const intake = new Intake(tap, new Turns(setImmediate));
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
  const intake = new Intake(tap, new Turns(setImmediate));
  assert(!intake.pause(PauseReason.REQUEST));
  intake.resume(PauseReason.REQUEST);
  assertEquals(tap.calls, ["pause"]);
});

Deno.test("Intake.spend() gives the others their turn after a session's share", () => {
  const tap = new Tap();
  let next: () => void = () => {};
  const shares = { own: 3, crowded: 3, crowd: Infinity, resumed: 1, reading: 1 };
  const intake = new Intake(tap, new Turns((run) => next = run, shares));
  for (let i = 0; i < 3; i++) intake.spend(32);
  assertEquals(tap.calls, ["pause"]);
  next();
  assertEquals(tap.calls, ["pause", "resume"]);
});

Deno.test("Intake.end() leaves no timer and resumes nothing", () => {
  const tap = new Tap();
  const intake = new Intake(tap, new Turns(setImmediate));
  intake.pause(PauseReason.MESSAGE);
  intake.wait(1, () => tap.calls.push("late"));
  intake.end();
  intake.wait(1, () => tap.calls.push("later"));
  intake.resume(PauseReason.MESSAGE);
  assertEquals(tap.calls, ["pause"]);
});
