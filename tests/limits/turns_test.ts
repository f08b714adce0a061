import { Turns } from "../../lib/limits/turns.ts";
import { assertEquals } from "../assert.ts";

function make(perTurn: number) {
  const scheduled: (() => void)[] = [];
  const turns = new Turns(perTurn, (run) => scheduled.push(run));
  const nextTurn = () => scheduled.splice(0).forEach((run) => run());
  return { turns, scheduled, nextTurn };
}

Deno.test("TurnBudget.take() ends a session's share of a turn with the message that uses it up", () => {
  const { turns, nextTurn } = make(3);
  const budget = turns.budget();
  assertEquals([budget.take(), budget.take(), budget.take()], [true, true, false]);
  nextTurn();
  assertEquals([budget.take(), budget.take(), budget.take()], [true, true, false]);
});

Deno.test("TurnBudget.take() does not add up what earlier turns used", () => {
  const { turns, nextTurn } = make(3);
  const budget = turns.budget();
  for (let i = 0; i < 10; i++) {
    assertEquals([budget.take(), budget.take()], [true, true]);
    nextTurn();
  }
});

Deno.test("Turns gives each session a share of its own", () => {
  const { turns } = make(2);
  const [a, b] = [turns.budget(), turns.budget()];
  assertEquals([a.take(), a.take(), b.take(), b.take()], [true, false, true, false]);
});

Deno.test("Turns.next() goes on in the order of waiting, and once a turn", () => {
  const { turns, nextTurn } = make(2);
  const order: string[] = [];
  const session = (name: string, left: number) => {
    const budget = turns.budget();
    const run = () => {
      while (left-- > 0) {
        order.push(name);
        if (!budget.take()) return turns.next(run);
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

Deno.test("Turns asks for one turn at a time", () => {
  const { turns, scheduled } = make(10);
  const budget = turns.budget();
  for (let i = 0; i < 5; i++) budget.take();
  turns.next(() => {});
  assertEquals(scheduled.length, 1);
});

Deno.test("Turns lets others run between the shares of a busy session", async () => {
  const turns = new Turns(10);
  const budget = turns.budget();
  const order: string[] = [];
  let left = 30;
  await new Promise<void>((resolve) => {
    const run = () => {
      while (left > 0) {
        left--;
        if (!budget.take()) {
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
