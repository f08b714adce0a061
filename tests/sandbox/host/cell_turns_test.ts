/** How the front's time is shared among the cells that have much to say. */
import { CellTurns } from "../../../lib/sandbox/host/cell_turns.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { assert, assertEquals, assertLess } from "../../assert.ts";
import { Bench, settings, until } from "../kit.ts";
import { FakeCells, pong } from "./fake_cells.ts";

const OPERATION_MS = 0.1;

/** Rounds of an event loop that the test runs by hand, and cells whose operations take 0.1 ms each. */
class Rounds {
  now = 0;
  readonly #due: (() => void)[] = [];
  readonly turns = new CellTurns(() => this.now, (run) => void this.#due.push(run));
  /** Who has had its operations taken, in order. */
  readonly taken: string[] = [];

  /** A cell that always has more to say. */
  async flood(name: string): Promise<void> {
    for (const turn = this.turns.turn();;) {
      if (turn.begin()) this.#take(name, () => turn.take(512));
      await turn.next();
    }
  }

  #take(name: string, goesOn: () => boolean): void {
    do {
      this.now += OPERATION_MS;
      this.taken.push(name);
    } while (goesOn());
  }

  /** One round; gives what was taken in it. */
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

Deno.test("all cells that flood together have a few milliseconds of a round, in turns", async () => {
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

Deno.test("a cell with little to say is heard at once, however long the others have waited", async () => {
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

Deno.test("a cell that filled the buffer waits for its turn, and then goes on", async () => {
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

Deno.test("of a cell that floods, a quantum is taken in its turn; another one is answered meanwhile", async () => {
  const COUNT = 5_000;
  const cells = new FakeCells({
    onCall(cell, call) {
      if (call.first.includes("flood")) {
        for (let i = 0; i < COUNT; i++) cell.out.write(ToHost.Notify, call.session, 0, 0, "{}");
      }
      pong(cell, call);
    },
  });
  const due: (() => void)[] = [];
  let time = 0;
  const turns = new CellTurns(() => time += OPERATION_MS, (run) => void due.push(run));
  const modules = ["flood.v1", "quiet.v1"].map((subprotocol) => settings("attacks.ts", { subprotocol }));
  await using bench = await Bench.start(modules, { cells, turns });
  const flooder = bench.client({}, bench.pools[0]!);
  const quiet = bench.client({}, bench.pools[1]!);
  const flooded = flooder.call("say", { how: "flood" });
  let taken = 0;
  while (taken < COUNT) {
    await until(() => due.length > 0 || flooder.of("notify").length === COUNT, "a turn that is asked for, or the end");
    if (taken === 0) assertEquals(await quiet.call("say"), { result: "pong" });
    const now = flooder.of("notify").length;
    assertLess(now - taken, 400);
    taken = now;
    for (const run of due.splice(0)) run();
  }
  assertEquals(await flooded, { result: "pong" });
});
