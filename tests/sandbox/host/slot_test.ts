import { CellEffects, type CellEffectsDeps } from "../../../lib/sandbox/host/cell_effects.ts";
import type { Cell } from "../../../lib/sandbox/host/cell.ts";
import { type Loaded, Slot } from "../../../lib/sandbox/host/slot.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { assert, assertEquals } from "../../assert.ts";
import { until } from "../../helpers/until.ts";

/** A slot whose cells do nothing. */
function scene() {
  const clock = { ms: 1_000_000 };
  const delays: number[] = [];
  const ends: (() => void)[] = [];
  const cells: { readonly endings: string[]; idle: boolean }[] = [];
  const loaded = () => ({ link: { over: false, adopt() {}, end() {} } }) as unknown as Loaded;
  const slot = new Slot({
    now: () => clock.ms,
    random: () => 1,
    timeout: 2_000,
    load: () => Promise.resolve(loaded()),
    makeCell: (_loaded, _seats, { ended }) => {
      const cell = {
        endings: [] as string[],
        idle: false,
        serve: () => Promise.resolve(),
        open() {},
        tick() {},
        end(cause: string) {
          cell.endings.push(cause);
        },
      };
      cells.push(cell);
      ends.push(() => ended("crash", "it fell over"));
      return cell as unknown as Cell;
    },
    ended: (_cause, _detail, delay) => void delays.push(delay),
    restarted() {},
  });
  slot.install(loaded());
  /** The latest cell crashes `lived` milliseconds after its start; resolves when there is another. */
  const crash = async (lived: number) => {
    const count = cells.length;
    clock.ms += lived;
    ends.at(-1)!();
    await until(() => cells.length > count, "the next cell");
  };
  return { slot, clock, delays, cells, crash, install: () => slot.install(loaded()) };
}

Deno.test("Slot waits twice as long after each crash in a row, and starts over after a cell that lived ten seconds", async () => {
  const { slot, delays, crash } = scene();
  try {
    for (let count = 0; count < 4; count++) await crash(9_000);
    assertEquals(delays, [0, 50, 100, 200]);
    await crash(10_000);
    assertEquals(delays.at(-1), 0);
  } finally {
    slot.close();
  }
});

Deno.test("Slot ends a replaced cell once it is idle, and at the latest a second after the timeout of its calls", () => {
  for (const idle of [true, false]) {
    const { slot, clock, cells, install } = scene();
    install();
    const [old, current] = cells as [typeof cells[0], typeof cells[0]];
    slot.tick(clock.ms);
    assertEquals(old.endings, [], "it answers what it has");
    old.idle = idle;
    slot.tick(clock.ms + (idle ? 1 : 2_999));
    assertEquals(old.endings, idle ? ["reload"] : []);
    slot.tick(clock.ms + 3_000);
    assert(old.endings.length > 0);
    assertEquals(current.endings, []);
    slot.close();
  }
});

Deno.test("CellEffects.take() keeps a published message of its own: the cell's bytes are overwritten by the next read", () => {
  const kept: Uint8Array[] = [];
  const effects = new CellEffects({
    now: () => 0,
    budget: { take() {} },
    seats: new Map(),
    publish: (_topic: string, message: Uint8Array) => kept.push(message),
  } as unknown as CellEffectsDeps);
  const bytes = new TextEncoder().encode("room{}first");
  const operation = { code: ToHost.Publish, session: 0, id: 0, extra: 0 };
  assert(effects.take({ ...operation, first: bytes.subarray(0, 4), second: bytes.subarray(6) }));
  assertEquals(effects.publish("room", bytes.subarray(6)), 2);
  bytes.fill(0x78);
  assertEquals(kept.map((message) => new TextDecoder().decode(message)), ["first", "first"]);
});
