import fc from "fast-check";
import { type Shares, type TurnBudget, Turns } from "../../lib/timing/turns.ts";
import { assertEquals, assertThrows } from "../assert.ts";

function make(shares: Partial<Shares>) {
  const waiting: (() => void)[] = [];
  const scheduled: (() => void)[] = [];
  const turns = new Turns((run) => waiting.push(run), {
    own: 10,
    crowded: shares.own ?? 10,
    crowd: Infinity,
    resumed: Infinity,
    reading: 0,
    ...shares,
  }, (run) => scheduled.push(run));
  /** The turn ends; then all input was read, and waiting sessions go on. */
  const nextTurn = () => {
    scheduled.splice(0).forEach((run) => run());
    waiting.splice(0).forEach((run) => run());
  };
  return { turns, scheduled, waiting, nextTurn };
}

Deno.test("TurnBudget.take() ends a session's share of a turn with the message that uses it up", () => {
  const { turns, nextTurn } = make({ own: 3 });
  const budget = turns.budget();
  assertEquals([budget.take(32), budget.take(32), budget.take(32)], [true, true, false]);
  nextTurn();
  assertEquals([budget.take(32), budget.take(32), budget.take(32)], [true, true, false]);
});

Deno.test("TurnBudget.take() does not add up what earlier turns used", () => {
  const { turns, nextTurn } = make({ own: 3 });
  const budget = turns.budget();
  for (let i = 0; i < 10; i++) {
    assertEquals([budget.take(32), budget.take(32)], [true, true]);
    nextTurn();
  }
});

Deno.test("Turns gives each session a share of its own", () => {
  const { turns } = make({ own: 2 });
  const [a, b] = [turns.budget(), turns.budget()];
  assertEquals([a.take(32), a.take(32), b.take(32), b.take(32)], [true, false, true, false]);
});

Deno.test("TurnBudget.take() counts each 128 bytes of a message as one more", () => {
  const { turns, nextTurn } = make({ own: 5 });
  const budget = turns.budget();
  assertEquals([budget.take(127), budget.take(128), budget.take(127)], [true, true, true]);
  assertEquals(budget.take(0), false);
  nextTurn();
  assertEquals(budget.take(512), false);
});

Deno.test("Turns gives all sessions smaller shares once they have had enough together, until the next turn", () => {
  const { turns, nextTurn } = make({ own: 10, crowded: 2, crowd: 12 });
  const [a, b, c] = [turns.budget(), turns.budget(), turns.budget()];
  const takes = (budget: TurnBudget) => {
    let taken = 1;
    while (budget.take(32)) taken++;
    return taken;
  };
  assertEquals([takes(a), takes(b), takes(c)], [10, 3, 2]);
  nextTurn();
  assertEquals([takes(c), takes(b), takes(a)], [10, 3, 2]);
});

Deno.test("Turns never refuses a session its first message of a turn, in any crowd", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(200_000)), { maxLength: 300 }), (messages) => {
    const { turns } = make({ own: 64, crowded: 4, crowd: 512 });
    const budgets = Array.from({ length: 10 }, () => turns.budget());
    const used = new Array<number>(10).fill(0);
    for (const [session, bytes] of messages) {
      const before = used[session]!;
      used[session] = before + 1 + Math.floor(bytes / 128);
      const goesOn = budgets[session]!.take(bytes);
      // Small and early: goes on. Beyond its own share: never.
      if (used[session]! < 4) assertEquals(goesOn, true);
      if (used[session]! >= 64) assertEquals(goesOn, false);
    }
  }));
});

Deno.test("Turns.next() goes on in the order of waiting, and once a turn", () => {
  const { turns, nextTurn } = make({ own: 2 });
  const order: string[] = [];
  const session = (name: string, left: number) => {
    const budget = turns.budget();
    const run = () => {
      while (left-- > 0) {
        order.push(name);
        if (!budget.take(32)) return turns.next(run);
      }
    };
    return run;
  };
  const [a, b] = [session("a", 6), session("b", 3)];
  a();
  b();
  assertEquals(order.join(""), "aabb");
  nextTurn();
  assertEquals(order.join(""), "aabbaab");
  nextTurn();
  assertEquals(order.join(""), "aabbaabaa");
});

Deno.test("Turns lets few go on at a time, by what they use and by what reading costs; the others go first next time", () => {
  const { turns, nextTurn } = make({ resumed: 6, reading: 1 });
  const order: string[] = [];
  const waits = (name: string, uses: number) => {
    const budget = turns.budget();
    turns.next(() => {
      order.push(name);
      for (let i = 0; i < uses; i++) budget.take(0);
    });
  };
  for (const [name, uses] of [["a", 2], ["b", 2], ["c", 9], ["d", 0], ["e", 0]] as const) waits(name, uses);
  nextTurn();
  assertEquals(order.join(""), "ab"); // 2 + 1, 2 + 1
  waits("f", 0);
  nextTurn();
  assertEquals(order.join(""), "abc");
  nextTurn();
  assertEquals(order.join(""), "abcdef");
});

Deno.test("Turns lets one that waits go on, with any use", () => {
  const { turns, nextTurn } = make({ resumed: 1, reading: 100 });
  const order: string[] = [];
  for (const name of ["a", "b"]) turns.next(() => order.push(name));
  nextTurn();
  assertEquals(order, ["a"]);
  nextTurn();
  assertEquals(order, ["a", "b"]);
});

Deno.test("Turns does not count the use of others against sessions that wait", () => {
  const { turns, waiting } = make({ resumed: 2, reading: 1 });
  const order: string[] = [];
  for (const name of ["a", "b"]) turns.next(() => order.push(name));
  const other = turns.budget();
  for (let i = 0; i < 9; i++) other.take(0);
  waiting.splice(0).forEach((run) => run());
  assertEquals(order, ["a", "b"]);
});

Deno.test("Turns asks for one turn and one look at a time", () => {
  const { turns, scheduled, waiting } = make({});
  const budget = turns.budget();
  for (let i = 0; i < 5; i++) budget.take(32);
  for (let i = 0; i < 3; i++) turns.next(() => {});
  assertEquals([scheduled.length, waiting.length], [1, 1]);
});

Deno.test("Turns lets every waiting session go on exactly once, in order, with any use", () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 50 }), fc.nat(30), fc.nat(5), (uses, resumed, reading) => {
    const { turns, waiting, nextTurn } = make({ own: 1000, resumed: resumed + 1, reading });
    const order: number[] = [];
    uses.forEach((amount, index) => {
      const budget = turns.budget();
      turns.next(() => {
        order.push(index);
        for (let i = 0; i < amount; i++) budget.take(0);
      });
    });
    for (let i = 0; i <= uses.length; i++) nextTurn();
    assertEquals(order, uses.map((_, index) => index));
    assertEquals(waiting, []);
  }));
});

Deno.test("Turns.next() lets the others go on when one that waited throws", () => {
  const { turns, nextTurn } = make({ resumed: 1, reading: 1 });
  const gone: string[] = [];
  turns.next(() => {
    throw new Error("broken");
  });
  turns.next(() => gone.push("second"));
  assertThrows(nextTurn, Error, "broken");
  nextTurn();
  assertEquals(gone, ["second"]);
});
