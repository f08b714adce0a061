/** The order of a turnstile, on a clock and a schedule of the tests' own. */
import fc from "fast-check";
import { Bustle, Turnstile } from "../../lib/timing/turnstile.ts";
import { assertEquals, assertLessOrEqual } from "../assert.ts";

function make(lively: () => boolean) {
  const scheduled: (() => void)[] = [];
  const bustle = {
    get lively() {
      return lively();
    },
  };
  const turnstile = new Turnstile(bustle, (run) => scheduled.push(run));
  const through: string[] = [];
  return {
    through,
    pass: (address: string, name = address) => turnstile.pass(address, () => through.push(name)),
    /** Runs what was scheduled; false when nothing was. */
    turn: () => scheduled.splice(0).map((run) => run()).length > 0,
  };
}

Deno.test("Turnstile lets one through in a turn, addresses in turn", () => {
  const { pass, turn, through } = make(() => true);
  for (const name of ["a1", "a2", "a3", "b1", "a4", "c1"]) pass(name[0]!, name);
  assertEquals(through, ["a1"]);
  while (turn());
  assertEquals(through, ["a1", "a2", "b1", "c1", "a3", "a4"]);
});

Deno.test("Turnstile lets a newcomer through after as many others as there are addresses, not after a flood", () => {
  const { pass, turn, through } = make(() => true);
  for (let i = 0; i < 1000; i++) pass("flooder");
  pass("newcomer");
  turn();
  turn();
  assertEquals(through, ["flooder", "flooder", "newcomer"]);
});

Deno.test("Turnstile stands open while no client inside sends", () => {
  const { pass, turn, through } = make(() => false);
  for (let i = 0; i < 5; i++) pass("a");
  assertEquals(through.length, 5);
  assertEquals(turn(), false);
});

Deno.test("Turnstile keeps the order of the queue when it is quiet again", () => {
  let lively = true;
  const { pass, turn, through } = make(() => lively);
  for (const name of ["1", "2", "3"]) pass("a", name);
  lively = false;
  pass("b", "4");
  while (turn());
  assertEquals(through, ["1", "2", "4", "3"]);
});

Deno.test("Turnstile is full for addresses with several entries first, then for all", () => {
  const turnstile = new Turnstile({ lively: true }, () => {}, 10);
  const come = (address: string, times: number) => {
    for (let i = 0; i < times; i++) turnstile.pass(address, () => {});
  };
  const full = (...addresses: string[]) => addresses.map((address) => turnstile.full(address));
  come("first", 1); // goes through
  come("crowd", 4);
  assertEquals(full("crowd", "other"), [false, false]);
  come("other", 1);
  assertEquals(full("crowd", "other", "new"), [true, false, false]);
  come("other", 4);
  assertEquals(full("crowd", "other", "new"), [true, true, false]);
  come("new", 1);
  assertEquals(full("crowd", "other", "new"), [true, true, true]);
});

Deno.test("Turnstile passes on what a visitor throws, and goes on", () => {
  const scheduled: (() => void)[] = [];
  const turnstile = new Turnstile({ lively: true }, (run) => scheduled.push(run));
  const through: string[] = [];
  turnstile.pass("a", () => through.push("first"));
  turnstile.pass("a", () => {
    throw new Error("gone");
  });
  turnstile.pass("a", () => through.push("third"));
  while (scheduled.length > 0) {
    try {
      scheduled.shift()!();
    } catch {
      through.push("threw");
    }
  }
  assertEquals(through, ["first", "threw", "third"]);
});

Deno.test("Turnstile lets every entry through exactly once, each address in its order, at any arrival", () => {
  const step = fc.oneof(fc.constant("turn"), fc.constant("noise"), fc.constant("silence"), fc.nat(4));
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    let lively = false;
    const { pass, turn, through } = make(() => lively);
    const came: string[] = [];
    for (const [number, step] of steps.entries()) {
      if (step === "turn") {
        const before = through.length;
        turn();
        assertLessOrEqual(through.length, before + 1);
      } else if (typeof step === "string") {
        lively = step === "noise";
      } else {
        came.push(`${step} ${number}`);
        pass(`${step}`, `${step} ${number}`);
      }
    }
    while (turn());
    assertEquals(through.toSorted(), came.toSorted());
    for (let address = 0; address <= 4; address++) {
      const of = (names: string[]) => names.filter((name) => name.startsWith(`${address} `));
      assertEquals(of(through), of(came));
    }
  }));
});

Deno.test("Bustle is lively until no client has sent for 100 ms", () => {
  let now = 1000;
  const bustle = new Bustle(() => now);
  assertEquals(bustle.lively, false);
  bustle.heard++;
  assertEquals(bustle.lively, true);
  now += 99;
  assertEquals(bustle.lively, true);
  now += 1;
  assertEquals(bustle.lively, false);
  bustle.heard++;
  assertEquals(bustle.lively, true);
});
