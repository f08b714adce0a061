import { CellEffects, type CellEffectsDeps } from "../../../lib/sandbox/host/cell_effects.ts";
import type { Cell } from "../../../lib/sandbox/host/cell.ts";
import type { CellClient, PendingCall } from "../../../lib/sandbox/host/cell_client.ts";
import type { Seat } from "../../../lib/sandbox/host/seat.ts";
import { type Loaded, Slot, type SlotLine } from "../../../lib/sandbox/host/slot.ts";
import { ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { assert, assertEquals } from "../../assert.ts";
import { until } from "../../helpers/until.ts";

/** A cell that records what it is told, and does nothing. */
class IdleCell {
  readonly endings: string[] = [];
  readonly heard: string[] = [];
  idle = false;
  readonly #ended: (detail: string) => void;

  constructor(ended: (detail: string) => void) {
    this.#ended = ended;
  }

  serve = () => Promise.resolve();
  tick = () => {};
  open = (_: Seat, isResumed: boolean) => void this.heard.push(isResumed ? "resumed" : "open");
  close = (_: Seat, code: number) => void this.heard.push(`close ${code}`);
  call = () => void this.heard.push("call");
  message = () => void this.heard.push("message");
  allow = () => void this.heard.push("allow");
  publish = () => void this.heard.push("publish");
  identity = () => void this.heard.push("identity");

  end(cause: string, detail = ""): void {
    this.endings.push(cause);
    if (cause === "crash") this.#ended(detail);
  }
}

/** A slot whose cells do nothing. `load` makes the next cell. */
function scene(load?: () => Promise<Loaded>) {
  const clock = { ms: 1_000_000 };
  const delays: number[] = [];
  const details: string[] = [];
  const ends: (() => void)[] = [];
  const cells: IdleCell[] = [];
  const slot = new Slot({
    now: () => clock.ms,
    random: () => 1,
    timeout: 2_000,
    load: load ?? (() => Promise.resolve(loaded())),
    makeCell: (_loaded, _seats, { ended }) => {
      const cell = new IdleCell((detail) => ended("crash", detail));
      cells.push(cell);
      ends.push(() => ended("crash", "it fell over"));
      return cell as unknown as Cell;
    },
    ended: (_cause, detail, delay) => {
      delays.push(delay);
      details.push(detail);
    },
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
  return { slot, clock, delays, details, cells, ends, crash, install: () => slot.install(loaded()) };
}

/** A cell that has loaded its module. */
function loaded(link: Partial<Loaded["link"]> = {}): Loaded {
  return { link: { over: false, adopt() {}, end() {}, ...link } } as unknown as Loaded;
}

/** A client, and how often it was told that its cell was replaced. */
function client() {
  const made = { resumed: 0, as: { user: { id: "ann" }, resumed: () => void made.resumed++ } as unknown as CellClient };
  return made;
}

/** Makes each request of a line; returns the codes of the refusals. */
function refusals(line: SlotLine): number[] {
  const codes: number[] = [];
  const call: PendingCall = { resolve() {}, reject: (code) => void codes.push(code) };
  line.call("run", "{}", call);
  line.message("text", call);
  line.allow("t", "in_order", call);
  line.publish("t", "{}", { delivered() {}, reject: (code) => void codes.push(code) });
  return codes;
}

Deno.test("SlotLine refuses with -32004 what comes after its end, and while there is no cell", () => {
  const { slot, cells, ends } = scene();
  const [line, other] = [slot.attach(client().as), slot.attach(client().as)];
  assertEquals(refusals(line), []);
  line.identity({ id: "ann", roles: [], claims: {} });
  assertEquals(cells[0]!.heard, ["open", "open", "call", "message", "allow", "publish", "identity"]);
  line.close(1000);
  line.close(1001);
  line.identity({ id: "bob", roles: [], claims: {} });
  assertEquals(refusals(line), [-32004, -32004, -32004, -32004]);
  assertEquals(cells[0]!.heard.slice(7), ["close 1000"]);
  ends[0]!();
  assertEquals(refusals(other), [-32004, -32004, -32004, -32004]);
  assertEquals(cells.length, 1, "the next cell has not loaded");
  slot.close();
});

Deno.test("Slot tells a replaced cell too that a client has left, and resumes no such client", () => {
  const { slot, cells, ends, install } = scene();
  const [staying, leaving, last] = [client(), client(), client()];
  slot.attach(staying.as);
  const line = slot.attach(leaving.as);
  install();
  assertEquals([staying.resumed, leaving.resumed], [1, 1]);
  line.close(4408);
  assertEquals(cells.map(({ heard }) => heard.at(-1)), ["close 4408", "close 4408"]);
  install();
  assertEquals([staying.resumed, leaving.resumed], [2, 1]);
  assertEquals(slot.seats.size, 1, "the one that left is forgotten");
  const gone = slot.attach(last.as);
  ends.at(-1)!();
  gone.close(1000);
  assertEquals(slot.seats.size, 1, "there is no cell to tell");
  slot.close();
});

Deno.test("Slot forgets clients that were leaving when the cell ended", () => {
  const { slot, ends } = scene();
  slot.attach(client().as);
  slot.attach(client().as).close(1000);
  assertEquals(slot.seats.size, 2, "the cell runs its close hook");
  ends[0]!();
  assertEquals(slot.seats.size, 1);
  slot.close();
});

Deno.test("Slot tries again when a cell does not load, or has ended by then, and says why", async () => {
  const loads = [
    () => Promise.reject(new Error("no such file")),
    () => Promise.resolve(loaded({ over: true })),
    () => Promise.resolve(loaded()),
  ];
  const { slot, cells, details, delays, ends } = scene(() => loads.shift()!());
  ends[0]!();
  await until(() => cells.length === 3 && slot.cell !== undefined, "a cell that serves");
  assertEquals(details, ["it fell over", "no such file", "the cell ended while it was put in place"]);
  assertEquals(delays, [0, 50, 100]);
  slot.close();
});

Deno.test("Slot that closes while a cell loads ends that cell, and makes no other", async () => {
  const loading = Promise.withResolvers<Loaded>();
  let asked = 0;
  let ended = 0;
  const { slot, cells, ends } = scene(() => (asked++, loading.promise));
  ends[0]!();
  await until(() => asked === 1, "the next cell to load");
  slot.close();
  loading.resolve(loaded({ end: () => void ended++ }));
  await until(() => ended === 1, "its end");
  assertEquals([cells.length, asked], [1, 1]);
});

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
    const [old, current] = cells as [IdleCell, IdleCell];
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
