/** What a cell that is no longer in its right mind can do to others: nothing. */
import * as fc from "fast-check";
import { assert, assertEquals } from "../../assert.ts";
import { ToMain } from "../../../lib/sandbox/wire.ts";
import { createLog } from "../../../lib/ops/log.ts";
import { Cell } from "../../../lib/sandbox/cell.ts";
import type { PendingCall } from "../../../lib/sandbox/sandbox.ts";
import { Seat } from "../../../lib/sandbox/seat.ts";
import type { Slot } from "../../../lib/sandbox/slot.ts";
import { Bench, type FakeClient, HANDLERS, settings } from "../kit.ts";

const entry = new URL("rogue_cell.ts", HANDLERS).href;
const rogue = () => Bench.start(settings("misbehaving.ts", { timeout: 2000 }), { entry });
const post = (client: FakeClient, batch: unknown[], times = 1) => client.call("say", { post: batch, times });

Deno.test("a well-behaved answer of a foreign runtime is taken", async () => {
  await using bench = await rogue();
  assertEquals(await post(bench.client(), [ToMain.Result, "CALL", "42"]), { result: 42 });
});

const broken: Record<string, unknown[]> = {
  "an operation that does not exist": [99],
  "an operation that is no number": ["Result"],
  "a call answered that was never made": [ToMain.Result, 1000, "1"],
  "a call number that is no number": [ToMain.Result, "1", "1"],
  "a call number in between": [ToMain.Result, 0.5, "1"],
  "a result that is no text": [ToMain.Result, "CALL", 7],
  "a result that is an object": [ToMain.Result, "CALL", { toString: "x" }],
  "a result that is too long": [ToMain.Result, "CALL", "x".repeat((1 << 20) + 1)],
  "an error code that is the server's": [ToMain.Error, "CALL", -32001, ""],
  "a missing operand": [ToMain.Notify, 1],
  "a notification that is no text": [ToMain.Notify, 1, ["x"]],
  "a topic that is no text": [ToMain.Publish, 1, 5, "{}"],
  "a topic that is too long": [ToMain.Subscribe, 1, "x".repeat(513)],
  "a session that is no handle": [ToMain.Notify, "__proto__", "{}"],
  "a session below all": [ToMain.Notify, -1, "{}"],
  "more done than was asked": [ToMain.Done, 1_000_000, 0],
  "done again": [ToMain.Done, 0, 0],
  "a level that does not exist": [ToMain.Log, 1, 17, "x", ""],
  "log fields that are no JSON": [ToMain.Log, 1, 1, "x", "{"],
  "a frame that is a number": [ToMain.Send, 1, 7],
};
for (const [what, batch] of Object.entries(broken)) {
  Deno.test(`a cell that sends ${what} is ended, its call is -32004, nothing is done`, () => {
    const { cell, client, ends, answers } = alone();
    cell.call(client.seat, "say", "{}", client.pending());
    cell.receive(batch.map((part) => part === "CALL" ? 1 : part));
    assertEquals(answers, [[-32004]]);
    assertEquals(client.did, []);
    assertEquals(ends.length, 1);
    assertEquals(ends[0]?.[0], "crash");
  });
}

Deno.test("handles and calls of another cell can't be named", async () => {
  await using bench = await Bench.start(settings("misbehaving.ts", { timeout: 2000, cells: 2 }), { entry });
  const [one, two] = [bench.client(), bench.client()];
  // Both have handle 1 in their own cell, and both calls are number 1: each reaches its own.
  const [first, second] = await Promise.all([
    post(one, [ToMain.Notify, 1, '{"of":"one"}', ToMain.Result, 1, '"one"']),
    post(two, [ToMain.Notify, 1, '{"of":"two"}', ToMain.Result, 1, '"two"']),
  ]);
  assertEquals([first, second], [{ result: "one" }, { result: "two" }]);
  assertEquals(one.of("notify"), [[{ of: "one" }]]);
  assertEquals(two.of("notify"), [[{ of: "two" }]]);
});

Deno.test("a session that has left is not reached any more", async () => {
  await using bench = await rogue();
  const [gone, client] = [bench.client(), bench.client()];
  gone.line.close(1000);
  assertEquals(await post(client, [ToMain.Notify, 1, "{}", ToMain.Result, "CALL", "1"]), { result: 1 });
  assertEquals(gone.did, []);
});

Deno.test("a second answer to one call is dropped", async () => {
  await using bench = await rogue();
  const client = bench.client();
  const batch = [ToMain.Result, "CALL", "1", ToMain.Result, "CALL", "2", ToMain.Error, "CALL", -32603, ""];
  assertEquals(await post(client, batch), { result: 1 });
  assertEquals(await post(client, [ToMain.Result, "CALL", "3"]), { result: 3 });
});

Deno.test("a cell that floods the main isolate is ended", async () => {
  await using bench = await rogue();
  const client = bench.client();
  const batch = Array.from({ length: 3000 }, () => [ToMain.Notify, 1, "{}"]).flat();
  assertEquals(await post(client, batch, 100), { code: -32004, data: undefined });
  assert(client.of("notify").length < 50_000, `${client.of("notify").length} went through`);
});

Deno.test("a batch that is no array, or too long, ends the cell", async () => {
  await using bench = await rogue();
  const client = bench.client();
  assertEquals(await post(client, new Array(70_000).fill(0)), { code: -32004, data: undefined });
});

Deno.test("random batches never throw, answer a call at most once, and reach no session that is not the cell's", () => {
  const operand = fc.oneof(
    fc.integer({ min: -2, max: 20 }),
    fc.string({ maxLength: 8 }),
    fc.constantFrom("{}", "", null, true, 1e9, -0.5, {}, [], undefined, new Uint8Array(2)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(operand, { maxLength: 24 }), { maxLength: 6 }), (batches) => {
      const { cell, client, answers } = alone();
      cell.call(client.seat, "say", "{}", client.pending());
      for (const batch of batches) cell.receive(batch);
      cell.end("crash", "over");
      assertEquals(answers.length, 1);
    }),
    { numRuns: 2000 },
  );
});

/** A cell without a worker, with one session in it. */
function alone() {
  const ends: unknown[][] = [];
  const answers: unknown[][] = [];
  const did: unknown[][] = [];
  const record = (kind: string) => (...args: unknown[]) => void did.push([kind, ...args]);
  const client = {
    id: "c1",
    ip: "127.0.0.1",
    subprotocol: "test.v1",
    user: { id: "ann", roles: [], claims: {} },
    notify: record("notify"),
    send: record("send"),
    publish: record("publish"),
    subscribe: record("subscribe"),
    unsubscribe: record("unsubscribe"),
    presence: () => [],
    closeByHandler: record("close"),
    logged: record("log"),
    unserved: record("unserved"),
  };
  const seats = new Map<number, Seat>();
  const seat = new Seat(1, client, { left: () => {} } as unknown as Slot);
  seats.set(1, seat);
  const cell = new Cell({ post() {}, end() {} }, seats, {
    module: "test.v1",
    log: createLog({ level: "error", format: "json", write() {} }),
    now: () => 0,
    timeout: 1000,
    memory: 1 << 20,
    opens: false,
    ended: (...args) => ends.push(args),
  });
  const pending = (): PendingCall => ({
    resolve: (json) => void answers.push([json]),
    reject: (code) => void answers.push([code]),
  });
  return { cell, client: { did, seat, pending }, ends, answers };
}
