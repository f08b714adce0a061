/** The time of the event loop is shared among the connections that send a lot. */
import { ReadingTurns } from "../../lib/timing/reading_turns.ts";
import { assert, assertEquals, assertLess } from "../assert.ts";

const OPERATION_MS = 0.1;
/** Operations in one round after which a flood ends: it was not stopped. */
const MOST_TAKEN = 1000;

/** Rounds of an event loop that the test runs itself, and connections whose operations take 0.1 ms each. */
class Rounds {
  now = 0;
  readonly #due: (() => void)[] = [];
  readonly turns = new ReadingTurns(() => this.now, (run) => void this.#due.push(run));
  /** The connections whose operations were taken, in order. */
  readonly taken: string[] = [];

  /** A connection that always has more to say. */
  async flood(name: string): Promise<void> {
    for (const turn = this.turns.turn(); this.taken.length < MOST_TAKEN;) {
      if (turn.begin()) this.#take(name, () => turn.take(512));
      await turn.next();
    }
  }

  #take(name: string, goesOn: () => boolean): void {
    do {
      this.now += OPERATION_MS;
      this.taken.push(name);
    } while (goesOn() && this.taken.length < MOST_TAKEN);
  }

  /** Runs one round. Returns what was taken in it. */
  async run(): Promise<string[]> {
    this.taken.length = 0;
    for (const run of this.#due.splice(0)) run();
    await new Promise((resolve) => setTimeout(resolve));
    return [...this.taken];
  }

  get due(): number {
    return this.#due.length;
  }
}

Deno.test("connections that flood have a few milliseconds of a round together, in turns", async () => {
  const rounds = new Rounds();
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  for (const name of names) void rounds.flood(name);
  await rounds.run();
  const counts = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < 100; round++) {
    const before = rounds.now;
    for (const name of await rounds.run()) counts.set(name, counts.get(name)! + 1);
    assertLess(rounds.now - before, 4.5);
    assertEquals(rounds.due, 1, "asked for once");
  }
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
  assert(least > 0 && most - least <= 32, JSON.stringify([...counts]));
});

Deno.test("a connection with little to say is read at once, among any number that wait", async () => {
  const rounds = new Rounds();
  for (const name of ["a", "b", "c"]) void rounds.flood(name);
  const quiet = rounds.turns.turn();
  for (let round = 0; round < 20; round++) {
    await rounds.run();
    assert(quiet.begin());
    assert(quiet.take(100));
    assertEquals(quiet.next(), null);
  }
});

Deno.test("a connection with more to read waits for its turn, and then goes on", async () => {
  const rounds = new Rounds();
  const turn = rounds.turns.turn();
  assert(turn.begin());
  turn.more();
  const next = turn.next();
  assert(next !== null);
  assertEquals(turn.begin(), false);
  await rounds.run();
  await next;
  assert(turn.begin());
  assertEquals(turn.next(), null);
});
