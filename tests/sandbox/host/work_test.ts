import { assert, assertEquals, assertGreater, assertLess } from "../../assert.ts";
import { createLog } from "../../../lib/log/log.ts";
import { CellEffects } from "../../../lib/sandbox/host/cell_effects.ts";
import { LogAllowance } from "../../../lib/sandbox/host/log_allowance.ts";
import type { Seat } from "../../../lib/sandbox/host/seat.ts";
import { MODULE_WORK, WorkBudget, workOf } from "../../../lib/sandbox/host/work.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";
import { FakeCells, pong } from "./fake_cells.ts";

function budget(rate = 1000, burst = 100, parent?: (now: () => number) => WorkBudget) {
  const clock = { now: 0 };
  const now = () => clock.now;
  const above = parent?.(now);
  return { clock, above, work: new WorkBudget({ rate, burst }, now, above) };
}

Deno.test("an operation costs one, each receiver eight more, each KiB that crosses or is copied one more", () => {
  assertEquals(workOf(0, 0), 1);
  assertEquals(workOf(2048, 0), 3);
  assertEquals(workOf(1024, 10), 2 + 10 * 9);
});

Deno.test("a budget is spent once nothing is left, and is filled at its rate up to its burst", () => {
  const { clock, work } = budget();
  work.take(99);
  assertEquals([work.spent, work.waitMs], [false, 0]);
  work.take(1);
  assert(work.spent);
  clock.now += work.waitMs;
  assert(!work.spent);
  clock.now += 60_000;
  assertEquals(work.waitMs, 0);
  work.take(100);
  assert(work.spent, "no more than the burst is saved up");
});

Deno.test("a debt is paid back before anything goes on", () => {
  const { clock, work } = budget();
  work.take(1100);
  assertGreater(work.waitMs, 999);
  clock.now = 999;
  assert(work.spent);
  clock.now = 1000 + 1;
  assert(!work.spent);
});

Deno.test("a share is taken from all together, too; one module's spending is not another's", () => {
  const { clock, above, work } = budget(1000, 100, (now) => new WorkBudget({ rate: 1000, burst: 150 }, now));
  const other = new WorkBudget({ rate: 1000, burst: 100 }, () => clock.now, above);
  work.take(100);
  assertEquals([work.spent, other.spent, above!.spent], [true, false, false]);
  other.take(50);
  assertEquals([other.spent, above!.spent], [true, true]);
  clock.now = 50;
  assertEquals([work.spent, other.spent], [false, false]);
});

Deno.test("within its share a module does not wait for what others owe, and beyond it does", () => {
  const clock = { now: 0 };
  const now = () => clock.now;
  const above = new WorkBudget({ rate: 1000, burst: 100 }, now);
  const share = { rate: 100, burst: 50 };
  const make = () => new WorkBudget({ rate: 1000, burst: 100 }, now, above, share);
  const [loud, quiet] = [make(), make()];
  loud.take(10_000);
  assertEquals([loud.spent, quiet.spent, quiet.waitMs], [true, false, 0]);
  quiet.take(50);
  assert(quiet.spent);
  clock.now += quiet.waitMs;
  assertLess(clock.now, 50, "until there is a share again");
  assert(!quiet.spent);
  quiet.take(200);
  clock.now += 300;
  assert(quiet.spent, "its own debt is paid, its share is used up");
});

Deno.test("a publication of minutes of work leaves a neighbour its calls", async () => {
  const receivers = 10_000_000;
  const cells = new FakeCells({
    onCall(cell, call) {
      if (call.extra === 0) cell.out.write(ToHost.Publish, 0, 0, 0, "t", "{}");
      cell.out.write(ToHost.Result, 0, call.id, 0, "null");
    },
  });
  const timeout = 20_000;
  await using bench = await Bench.start(
    [settings("attacks.ts", { timeout }), settings("attacks.ts", { timeout, subprotocol: "other.v1" })],
    { cells, publish: () => receivers },
  );
  const [client, neighbour] = [bench.client(), bench.client({}, bench.pools[1]!)];
  await client.call("say");
  for (let i = 0; i < 100; i++) assertEquals(await neighbour.call("ping"), { result: null });
});

Deno.test("a question for presence is charged before the next operation is taken", async () => {
  const now = () => 0;
  const work = new WorkBudget(MODULE_WORK, now);
  const present = [{ user: "ann", connections: 1 }];
  const client = { followers: () => 2 * MODULE_WORK.burst, presence: () => Promise.resolve(present) };
  const answers: unknown[] = [];
  const effects = new CellEffects({
    module: "test.v1",
    log: createLog({ level: "error", format: "json", write() {} }),
    now,
    budget: work,
    logAllowance: new LogAllowance(now),
    raw: false,
    seats: new Map([[1, { closing: false, client } as unknown as Seat]]),
    publish: () => 0,
    feed: { full: false, queue: { undone: 0 }, send: (_code, _handle, _query, _extra, text) => answers.push(text) },
    over: () => false,
    unread() {},
  });
  const first = new TextEncoder().encode("topic");
  effects.take({ code: ToHost.Presence, session: 1, id: 1, extra: 0, first, second: new Uint8Array(0) });
  assert(work.spent);
  await until(() => answers.length > 0, "the answer");
  assertEquals(answers, [JSON.stringify(present)]);
});

Deno.test("a module that publishes to many subscribers is slowed, and the calls of another are not", async () => {
  const publications = 1500;
  const receivers = 100;
  const cells = new FakeCells({
    onCall(cell, call) {
      if (call.extra !== 0) return pong(cell, call);
      for (let i = 0; i < publications; i++) cell.out.write(ToHost.Publish, 0, 0, 0, "t", "{}");
      cell.out.write(ToHost.Result, 0, call.id, 0, "null");
    },
  });
  let published = 0;
  const timeout = 60_000;
  await using bench = await Bench.start(
    [settings("attacks.ts", { timeout }), settings("attacks.ts", { timeout, subprotocol: "other.v1" })],
    { cells, publish: () => ++published && receivers },
  );
  const [client, neighbour] = [bench.client(), bench.client({}, bench.pools[1]!)];
  const began = performance.now();
  const loud = client.call("say").then(() => performance.now() - began);
  // The neighbour's calls go on while the publications do.
  let calls = 0;
  for (; published < publications - 1 && calls < 1e6; calls++) {
    assertEquals(await neighbour.call("ping"), { result: "pong" });
  }
  const took = await loud;
  const least = 1000 * (publications * workOf(2, receivers) - MODULE_WORK.burst) / MODULE_WORK.rate;
  assertGreater(took, least / 2, "slowed to its rate");
  assertGreater(calls, 20, `${calls} calls in ${took} ms`);
  assertLess(published, publications + 1);
});
