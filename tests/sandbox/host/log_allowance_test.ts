import { assertEquals, assertLess } from "../../assert.ts";
import { LogAllowance } from "../../../lib/sandbox/host/log_allowance.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";
import { FakeCells } from "./fake_cells.ts";

Deno.test("200 lines at once, then 50 a second; the first line after others were left out says how many", () => {
  const clock = { now: 0 };
  const allowance = new LogAllowance(() => clock.now);
  for (let i = 0; i < 200; i++) assertEquals(allowance.take(), 0);
  for (let i = 0; i < 30; i++) assertEquals(allowance.take(), null);
  clock.now = 19;
  assertEquals(allowance.take(), null);
  clock.now = 20;
  assertEquals([allowance.take(), allowance.take()], [31, null]);
  clock.now = 60;
  assertEquals([allowance.take(), allowance.take()], [1, 0]);
  clock.now = 3_600_000;
  let lines = 0;
  while (allowance.take() !== null) lines++;
  assertEquals(lines, 200);
});

Deno.test("a module that logs without end has its lines bounded, and another module's are all there", async () => {
  const cells = new FakeCells({
    onCall(cell, { id, session, extra }) {
      const lines = extra === 0 ? 5000 : 50;
      for (let i = 0; i < lines; i++) cell.out.write(ToHost.Log, session, 0, 1, `line ${i}`);
      cell.out.write(ToHost.Result, 0, id, 0, "null");
    },
  });
  const configs = [settings("attacks.ts"), settings("attacks.ts", { subprotocol: "other.v1" })];
  await using bench = await Bench.start(configs, { cells });
  const [loud, quiet] = [bench.client(), bench.client({}, bench.pools[1]!)];
  const began = performance.now();
  await loud.call("say");
  const seconds = (performance.now() - began) / 1000;
  await quiet.call("ping");
  assertLess(loud.of("log").length, 201 + 50 * seconds + 1);
  assertEquals(quiet.of("log").length, 50);
});
