/** A cell that floods the front leaves another one its time. */
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { ReadingTurns } from "../../../lib/timing/reading_turns.ts";
import { assertEquals, assertLess } from "../../assert.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";
import { FakeCells, pong } from "./fake_cells.ts";

const LOOK_MS = 0.1;

Deno.test("a cell that floods has a quantum taken in its turn; another one is answered in between", async () => {
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
  let time = 0; // passes at each look at the clock
  const turns = new ReadingTurns(() => time += LOOK_MS, (run) => void due.push(run));
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
