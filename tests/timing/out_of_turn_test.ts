import { OutOfTurn } from "../../lib/timing/out_of_turn.ts";
import { assertEquals } from "../assert.ts";

/** Lets everything that is resolved go on. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("OutOfTurn gives a key one turn at a time, in order, and other keys theirs at once", async () => {
  const turns = new OutOfTurn();
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (key: string, name: string) =>
    void turns.turn(key).then((end) => {
      began.push(name);
      ends.set(name, end);
    });
  for (const name of ["a1", "a2", "a3"]) ask("a", name);
  ask("b", "b1");
  await settle();
  assertEquals([began, turns.size], [["a1", "b1"], 2]);
  ends.get("a1")!();
  await settle();
  assertEquals(began, ["a1", "b1", "a2"]);
  ends.get("b1")!();
  ends.get("a2")!();
  await settle();
  ends.get("a3")!();
  assertEquals([began, turns.size], [["a1", "b1", "a2", "a3"], 0]);
});

Deno.test("OutOfTurn keeps nothing of ten thousand keys whose turns have ended", async () => {
  const turns = new OutOfTurn();
  for (let i = 0; i < 10_000; i++) (await turns.turn(String(i)))();
  assertEquals(turns.size, 0);
});
