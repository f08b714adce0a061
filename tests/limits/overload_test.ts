import fc from "fast-check";
import { type Load, LOWER_AFTER_MS, OverloadController } from "../../lib/limits/overload.ts";
import { assert, assertEquals, assertGreaterOrEqual } from "../assert.ts";
import { Lines } from "../helpers/limits.ts";

const IDLE: Load = { delayMs: 0, queueDepth: 0, memory: 0.1 };
const LATE: Load = { ...IDLE, delayMs: 100 };
const BETWEEN: Load = { ...IDLE, delayMs: 70 };

function make(enabled = true) {
  const log = new Lines();
  const changes: [number, boolean, number][] = [];
  const controller = new OverloadController({
    enabled,
    log,
    onChange: ({ level, refusing, shrink }) => changes.push([level, refusing, shrink]),
  });
  let now = 0;
  /** Samples ten times a second for so long. */
  const run = (load: Load, milliseconds: number) => {
    for (const end = now + milliseconds; now < end;) controller.sample(load, now += 100);
  };
  return { controller, log, changes, run };
}

Deno.test("OverloadController sheds in order: handshakes first, then rates, a level a second", () => {
  const { controller, changes, run } = make();
  run(LATE, 1000);
  assertEquals(controller.level, 0);
  run(LATE, 100);
  assertEquals([controller.level, controller.refusing, controller.shrink], [1, true, 1]);
  run(LATE, 20_000);
  assertEquals(changes, [[1, true, 1], [2, true, 1 / 2], [3, true, 1 / 4], [4, true, 1 / 8]]);
});

Deno.test("OverloadController recovers by itself, more slowly, and in the opposite order", () => {
  const { changes, run } = make();
  run(LATE, 3100);
  changes.length = 0;
  run(IDLE, 5_000);
  assertEquals(changes, []);
  run(IDLE, 100);
  assertEquals(changes, [[2, true, 1 / 2]]);
  run(IDLE, 10_000);
  assertEquals(changes, [[2, true, 1 / 2], [1, true, 1], [0, false, 1]]);
});

Deno.test("OverloadController stays as it is between the thresholds, and does not flutter", () => {
  const { controller, changes, run } = make();
  run(BETWEEN, 60_000);
  assertEquals(controller.level, 0);
  run(LATE, 1100);
  run(BETWEEN, 60_000);
  assertEquals(controller.level, 1);
  for (let i = 0; i < 100; i++) {
    run(IDLE, 900);
    run(LATE, 900);
  }
  assertEquals(changes.length, 1);
});

Deno.test("OverloadController reacts to the queue of a cell and to memory as well", () => {
  for (const load of [{ ...IDLE, queueDepth: 5000 }, { ...IDLE, memory: 0.85 }]) {
    const { controller, log, run } = make();
    run(load, 1100);
    assertEquals(controller.level, 1);
    assertEquals(log.of("overload.started")[0]!.because, [load.queueDepth > 0 ? "queue" : "memory"]);
  }
});

Deno.test("OverloadController logs the beginning and the end, with figures", () => {
  const { log, run } = make();
  run(LATE, 2100);
  run(IDLE, 2 * LOWER_AFTER_MS + 100);
  assertEquals(log.events(), ["overload.started", "overload.ended"]);
  assertEquals(log.of("overload.started"), [{ because: ["delay"], delay_ms: 100, queue: 0, memory: 0.1 }]);
  const [ended] = log.of("overload.ended");
  assertEquals(ended!.highest_level, 2);
  assertGreaterOrEqual(ended!.duration_ms as number, 11_000);
});

Deno.test("OverloadController does nothing when switched off, and ends at once when it is", () => {
  const off = make(false);
  off.run(LATE, 60_000);
  assertEquals(off.changes, []);
  const { controller, log, run } = make();
  run(LATE, 5000);
  controller.enable(false, 5000);
  assertEquals([controller.level, controller.shrink, controller.refusing], [0, 1, false]);
  assertEquals(log.events(), ["overload.started", "overload.ended"]);
  run(LATE, 5000);
  assertEquals(controller.level, 0);
  controller.enable(true, 10_000);
  run(LATE, 1100);
  assertEquals(controller.level, 1);
});

Deno.test("OverloadController moves one level at a time, and always comes back to none", () => {
  const load = fc.record({
    delayMs: fc.integer({ min: 0, max: 300 }),
    queueDepth: fc.integer({ min: 0, max: 10_000 }),
    memory: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const phases = fc.array(fc.tuple(load, fc.integer({ min: 100, max: 10_000 })), { maxLength: 20 });
  fc.assert(fc.property(phases, (phases) => {
    const { controller, changes, run } = make();
    for (const [load, milliseconds] of phases) run(load, milliseconds);
    run(IDLE, 5 * LOWER_AFTER_MS + 1000);
    assertEquals(controller.level, 0);
    let before = 0;
    for (const [level] of changes) {
      assertEquals(Math.abs(level - before), 1);
      before = level;
    }
    assert(changes.every(([level, refusing, shrink]) => refusing === level > 0 && (shrink === 1) === level < 2));
  }));
});
