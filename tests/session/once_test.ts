/** One request, one run, one answer: over any order in which clients, cells, timers and ends can come. */
import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { settings } from "../helpers/limits.ts";
import { World, type WorldOptions } from "../helpers/session_world.ts";

interface Answer {
  readonly id: string | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}

const request = (method: string, id: string) =>
  method === "fault" ? { jsonrpc: "1.0", id, method } : { jsonrpc: "2.0", id, method, params: { tag: id } };

/** Every answer sent, batches taken apart. */
function answers(world: World): Answer[] {
  return world.sent.flatMap((text) => JSON.parse(text) as Answer | Answer[])
    .filter((answer) => !("method" in answer));
}

const ids = (world: World) => answers(world).map(({ id }) => id!);
const codes = (world: World) => answers(world).map(({ error }) => error?.code ?? 0);

/** The limits, wide enough to be no matter. */
const WIDE: NonNullable<WorldOptions["limits"]> = {
  ip: { rate: 1e6, burst: 1e6 },
  user: { rate: 1e6, burst: 1e6 },
  connection: { rate: 1e6, burst: 1e6, bytes_rate: 1e9, bytes_burst: 1e9 },
  max_violations: 1e6,
};

function narrow(rate: number, burst: number, on_exceed: "reject" | "delay") {
  return { ...WIDE, connection: { ...WIDE.connection!, rate, burst }, on_exceed };
}

Deno.test("a request that waits for room and is answered at once runs once", () => {
  const world = new World({ limits: WIDE });
  for (let id = 0; id < 64; id++) world.send(JSON.stringify(request("slow", `slow ${id}`)));
  world.send(JSON.stringify(request("session.whoami", "who")));
  assertEquals([world.pending.length, ids(world)], [64, []]);
  world.settle(0);
  assertEquals(ids(world), ["slow 0", "who"]);
  assertEquals(world.charged, 65);
  world.settleAll();
  assertEquals(ids(world).length, 65);
});

Deno.test("a batch whose elements wait and are answered at once is answered once", () => {
  const world = new World({ maxInFlight: 1, limits: WIDE });
  const batch = ["slow", "session.whoami", ...Array.from({ length: 10 }, () => "now")];
  world.send(JSON.stringify(batch.map((method, index) => request(method, String(index)))));
  world.send(JSON.stringify(request("now", "next")));
  assertEquals(world.sent, []);
  world.settle(0);
  world.settleAll();
  assertEquals(world.sent.length, 2);
  assertEquals(ids(world), [...batch.keys(), "next"].map(String));
  assertEquals(world.begun, ["0", ...Array.from({ length: 10 }, (_, index) => String(index + 2)), "next"]);
});

for (const method of ["session.whoami", "now"]) {
  Deno.test(`requests that wait for their tokens take them once: ${method}`, () => {
    const world = new World({ limits: narrow(10, 2, "delay") });
    world.send(JSON.stringify(Array.from({ length: 12 }, (_, index) => request(method, String(index)))));
    assertEquals([world.charged, world.sent], [2, []]);
    world.advance(100);
    assertEquals(world.charged, 3);
    world.advance(899);
    assertEquals([world.charged, world.sent], [11, []]);
    world.advance(1);
    assertEquals([world.charged, ids(world).length, world.sent.length], [12, 12, 1]);
    world.settleAll();
    assertEquals(world.charged, 12);
  });
}

for (const binary of [false, true]) {
  const kind = binary ? "binary" : "text";
  Deno.test(`raw ${kind} frames that wait run once, in order, and none once the cell has taken one with it`, () => {
    const world = new World({ kind: "raw", binary, maxInFlight: 2, limits: narrow(10, 4, "delay") });
    const frames = Array.from({ length: 12 }, (_, index) => `${index % 3 === 0 ? "now" : "slow"} ${index}`);
    for (const frame of frames) world.send(frame);
    world.settleAll();
    assertEquals(world.begun, frames);
    assertEquals(world.mostPending, 2);
    for (let index = 0; index < 6; index++) world.send(`slow ${index}`);
    world.loseCell();
    world.advance(10_000);
    world.turn();
    assertEquals([world.charged, world.begun.length, world.closeCode], [14, 14, 1011]);
  });
}

Deno.test("a draining session answers the whole message that waits for its tokens before it ends", () => {
  const world = new World({ limits: narrow(1, 1, "delay") });
  world.send(JSON.stringify(request("now", "first")));
  world.send(JSON.stringify([request("session.whoami", "a"), request("nope", "b"), request("slow", "c")]));
  world.session.drain();
  assertEquals([ids(world), world.closeCode], [["first"], undefined]);
  world.settleAll();
  assertEquals([ids(world), world.closeCode], [["first", "a", "b", "c"], 1001]);
});

Deno.test("a draining session ends as well when the message that waited is refused in the end", () => {
  const delayed = narrow(1, 1, "delay");
  const world = new World({ limits: delayed });
  world.send(JSON.stringify(request("now", "first")));
  world.send(JSON.stringify(request("now", "second")));
  world.session.drain();
  world.limits.reconfigure(settings({ ...delayed, connection: { ...delayed.connection, rate: 0.01 } }));
  world.advance(1000);
  assertEquals([ids(world), codes(world), world.closeCode], [["first", "second"], [0, -32001], 1001]);
});

Deno.test("a session that has said its last word says so once", () => {
  const world = new World({ limits: WIDE });
  world.peerCloses();
  world.session.drain();
  assertEquals([world.finished, world.closeCode], [1, 1001]);
});

Deno.test("an error of a method of the server or of the way to a cell is -32603, and the log has its reference", async () => {
  const verify = () => Promise.reject(new Error("the verifier broke"));
  const world = new World({ maxInFlight: 1, limits: WIDE, verify });
  world.send(JSON.stringify({ jsonrpc: "2.0", id: "r", method: "session.refresh", params: { token: "x" } }));
  world.send(JSON.stringify(request("broken", "b")));
  world.send(JSON.stringify(request("now", "n")));
  await new Promise((resolve) => setTimeout(resolve)); // the rejection is heard
  world.settleAll();
  assertEquals(ids(world), ["r", "b", "n"]);
  assertEquals(codes(world), [-32603, -32603, 0]);
  const refs = answers(world).flatMap(({ error }) =>
    error ? [(error as unknown as { data: { ref: string } }).data.ref] : []
  );
  assertEquals(world.log.of("handler.failed").map(({ ref }) => ref), refs);
});

const METHODS = ["slow", "slow", "now", "session.whoami", "dear", "nope", "admin", "fault"] as const;

type Event =
  | { readonly kind: "message"; readonly methods: readonly string[]; readonly batch: boolean; readonly silent: boolean }
  | { readonly kind: "settle"; readonly index: number; readonly ok: boolean }
  | { readonly kind: "advance"; readonly milliseconds: number }
  | { readonly kind: "turn" | "lose" | "restart" | "drain" | "peerCloses" | "end" | "gone" };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("message" as const),
      methods: fc.array(fc.constantFrom(...METHODS), { minLength: 1, maxLength: 6 }),
      batch: fc.boolean(),
      silent: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("settle" as const), index: fc.nat(9), ok: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("advance" as const), milliseconds: fc.nat(1500) }) },
  { weight: 4, arbitrary: fc.constant({ kind: "turn" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "lose" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);
const lastEvent: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom("turn" as const, "drain" as const, "peerCloses" as const, "end" as const, "gone" as const),
});

interface Run {
  readonly events: readonly Event[];
  readonly last: Event;
  readonly pausable: boolean;
  readonly maxInFlight: number;
  readonly maxInvalid: number;
  readonly burst: number;
  readonly maxViolations: number;
  readonly onExceed: "reject" | "delay";
}

const run: fc.Arbitrary<Run> = fc.record({
  events: fc.array(event, { maxLength: 40 }),
  last: lastEvent,
  pausable: fc.boolean(),
  maxInFlight: fc.integer({ min: 1, max: 4 }),
  maxInvalid: fc.constantFrom(3, 1e6),
  burst: fc.constantFrom(3, 8, 1e6),
  maxViolations: fc.constantFrom(3, 1e6),
  onExceed: fc.constantFrom("reject" as const, "delay" as const),
});

/** Sends what the event says; the tags of its elements go up. */
function message(world: World, { methods, batch, silent }: Event & { kind: "message" }, tags: string[]): void {
  const elements = (batch ? methods : methods.slice(0, 1)).map((method) => {
    const tag = String(tags.length).padStart(4, "0");
    tags.push(tag);
    const element = request(method, tag);
    // Without an id where the cell can count it.
    return silent && (method === "slow" || method === "now") ? { ...element, id: undefined } : element;
  });
  world.send(JSON.stringify(batch ? elements : elements[0]));
}

function apply(world: World, event: Event, tags: string[]): void {
  switch (event.kind) {
    case "message":
      return message(world, event, tags);
    case "settle":
      return world.settle(event.index, event.ok ? 0 : -32603);
    case "advance":
      return world.advance(event.milliseconds);
    case "turn":
      return world.turn();
    case "lose":
      return world.loseCell();
    case "restart":
      world.cellUp = true;
      return;
    case "drain":
      return world.session.drain();
    case "peerCloses":
      return world.peerCloses();
    case "end":
      return world.session.end("kicked");
    case "gone":
      return world.gone();
  }
}

/** The ids that are to be answered once, of the messages that reached the session. */
function owed(world: World): string[] {
  return world.delivered
    .flatMap((text) => JSON.parse(text) as { id?: string } | { id?: string }[])
    .flatMap(({ id }) => id === undefined ? [] : [id]);
}

function checkAlways(world: World, maxInFlight: number): void {
  assert(world.pending.length <= maxInFlight, `${world.pending.length} in flight`);
  assertEquals(new Set(world.begun).size, world.begun.length, "a request ran twice");
  assertEquals([...world.begun].sort(), world.begun, "one that waits was overtaken");
  const answered = ids(world);
  assertEquals(new Set(answered).size, answered.length, `answered twice: ${answered}`);
}

/** Tokens taken: one lot for each element that went through, none for one that was refused for want of them or of room. */
function checkCharged(world: World): void {
  const faults = codes(world).filter((code) => [-32600, -32601, -32003].includes(code)).length;
  const whoami = answers(world).filter(({ result }) => typeof result === "object").length;
  const lost = world.lost;
  assertEquals(world.charged, faults + whoami + world.begun.length + lost, "tokens taken");
}

Deno.test("every request gets exactly one answer and one run, or the session is over", () => {
  fc.assert(
    fc.property(run, ({ events, last, pausable, maxInFlight, maxInvalid, burst, maxViolations, onExceed }) => {
      const limits = { ...narrow(10, burst, onExceed), max_violations: maxViolations };
      const world = new World({ pausable, maxInFlight, maxInvalid, limits, share: 3 });
      const tags: string[] = [];
      for (const event of events) {
        apply(world, event, tags);
        checkAlways(world, maxInFlight);
      }
      apply(world, last, tags);
      world.settleAll();
      checkAlways(world, maxInFlight);
      if (!world.over) {
        assertEquals(ids(world).sort(), owed(world), "what was not answered");
        assertEquals(world.delivered.length, world.sentIn, "what was not read");
        checkCharged(world);
      }
      // A client that the server closes, or that closes, gets every answer before.
      if (world.closeCode === 1001 || world.finished > 0 && world.closeCode === undefined) {
        assertEquals(ids(world).sort(), owed(world), "what was not answered before the end");
      }
      if (last.kind === "drain" && !world.over) assert(false, "a drained session did not end");
      assert(world.finished <= 1, "finished twice");
    }),
    { seed: 20_251_125, numRuns: 2_000 },
  );
});
