import fc from "fast-check";
import { type TurnBudget, Turns } from "../../lib/limits/turns.ts";
import { assertEquals } from "../assert.ts";

function make(own: number, crowded = own, crowd = Infinity) {
  const scheduled: (() => void)[] = [];
  const turns = new Turns({ own, crowded, crowd }, (run) => scheduled.push(run));
  const nextTurn = () => scheduled.splice(0).forEach((run) => run());
  return { turns, scheduled, nextTurn };
}

Deno.test("TurnBudget.take() ends a session's share of a turn with the message that uses it up", () => {
  const { turns, nextTurn } = make(3);
  const budget = turns.budget();
  assertEquals([budget.take(32), budget.take(32), budget.take(32)], [true, true, false]);
  nextTurn();
  assertEquals([budget.take(32), budget.take(32), budget.take(32)], [true, true, false]);
});

Deno.test("TurnBudget.take() does not add up what earlier turns used", () => {
  const { turns, nextTurn } = make(3);
  const budget = turns.budget();
  for (let i = 0; i < 10; i++) {
    assertEquals([budget.take(32), budget.take(32)], [true, true]);
    nextTurn();
  }
});

Deno.test("Turns gives each session a share of its own", () => {
  const { turns } = make(2);
  const [a, b] = [turns.budget(), turns.budget()];
  assertEquals([a.take(32), a.take(32), b.take(32), b.take(32)], [true, false, true, false]);
});

Deno.test("TurnBudget.take() counts each 128 bytes of a message as one more", () => {
  const { turns, nextTurn } = make(5);
  const budget = turns.budget();
  assertEquals([budget.take(127), budget.take(128), budget.take(127)], [true, true, true]);
  assertEquals(budget.take(0), false);
  nextTurn();
  assertEquals(budget.take(512), false);
});

Deno.test("Turns gives all sessions smaller shares once they have had enough together, until the next turn", () => {
  const { turns, nextTurn } = make(10, 2, 12);
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

Deno.test("Turns never refuses a session its first message of a turn, however crowded it is", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(200_000)), { maxLength: 300 }), (messages) => {
    const { turns } = make(64, 4, 512);
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
  const { turns, nextTurn } = make(2);
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

Deno.test("Turns lets only a crowd go on in one turn; the others go first in the next", () => {
  const { turns, nextTurn } = make(10, 1, 4);
  const order: string[] = [];
  const sessions = ["a", "b", "c", "d", "e"].map((name) => {
    const budget = turns.budget();
    return () => {
      order.push(name);
      budget.take(128);
      turns.next(() => order.push(name.toUpperCase()));
    };
  });
  for (const session of sessions) turns.next(session);
  nextTurn();
  assertEquals(order.join(""), "abc"); // two each
  nextTurn();
  assertEquals(order.join(""), "abcdeABC");
  nextTurn();
  assertEquals(order.join(""), "abcdeABCDE");
});

Deno.test("Turns asks for one turn at a time", () => {
  const { turns, scheduled } = make(10);
  const budget = turns.budget();
  for (let i = 0; i < 5; i++) budget.take(32);
  turns.next(() => {});
  assertEquals(scheduled.length, 1);
});

Deno.test("Turns lets others run between the shares of a busy session", async () => {
  const turns = new Turns({ own: 10, crowded: 10, crowd: Infinity });
  const budget = turns.budget();
  const order: string[] = [];
  let left = 30;
  await new Promise<void>((resolve) => {
    const run = () => {
      while (left > 0) {
        left--;
        if (!budget.take(32)) {
          order.push("share");
          return turns.next(run);
        }
      }
      resolve();
    };
    run();
    setImmediate(() => order.push("other"));
  });
  // What was scheduled while the first share ran comes before the third.
  assertEquals(order, ["share", "share", "other", "share"]);
});
