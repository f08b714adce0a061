/** The order in which an overloaded cell gets its calls. A cell without a process: the tests play it. */
import fc from "fast-check";
import { createLog } from "../../../lib/log/log.ts";
import { Cell } from "../../../lib/sandbox/host/cell.ts";
import { CellBacklog } from "../../../lib/sandbox/host/cell_backlog.ts";
import { LogAllowance } from "../../../lib/sandbox/host/log_allowance.ts";
import { Seat } from "../../../lib/sandbox/host/seat.ts";
import { MODULE_WORK, WorkBudget } from "../../../lib/sandbox/host/work.ts";
import { type Operation, OperationReader } from "../../../lib/sandbox/wire/operation_reader.ts";
import { OperationWriter } from "../../../lib/sandbox/wire/operation_stream.ts";
import { TO_CELL, ToCell, ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { assert, assertEquals, assertLess } from "../../assert.ts";

const NO_TEXT = new Uint8Array(0);
const DONE: Operation = { code: ToHost.Done, session: 0, id: 0, extra: 0, first: NO_TEXT, second: NO_TEXT };

/** One operation as the cell got it. */
interface Got {
  readonly code: ToCell;
  readonly session: number;
  readonly text: string;
}

class Bench {
  readonly #out = new OperationWriter();
  readonly seats: readonly Seat[];
  readonly cell: Cell;
  #now = 0;

  /** @param user of a session; each has its own where it is absent */
  constructor(sessions: number, user = (session: number) => `user ${session}`) {
    const client = (id: number) => ({
      id: `c${id}`,
      ip: "127.0.0.1",
      subprotocol: "test.v1",
      user: { id: user(id), roles: [], claims: {} },
      notify() {},
      send() {},
      subscribe: (_topic: string, answer: (code: number) => void) => answer(0),
      resumed() {},
      unsubscribe() {},
      followers: () => 0,
      presence: () => Promise.resolve([]),
      closeByHandler() {},
      logged() {},
      unserved() {},
    });
    this.seats = Array.from({ length: sessions }, (_, at) => new Seat(at + 1, client(at + 1)));
    const link = {
      stream: { out: this.#out, flush() {} },
      end() {},
      next: () => null,
      more: () => Promise.resolve(false),
    };
    const now = () => this.#now;
    const method = { name: "echo", cost: 1, params: {} };
    this.cell = new Cell(link, new Map(this.seats.map((seat) => [seat.handle, seat])), {
      module: "test.v1",
      log: createLog({ level: "error", format: "json", write() {} }),
      now,
      timeout: 1000,
      budget: new WorkBudget(MODULE_WORK, now),
      logAllowance: new LogAllowance(now),
      publish: () => 0,
      contract: { kind: "rpc", binary: false, methods: new Map([["echo", method]]), topics: new Map() },
      opens: false,
      cpuUsed() {},
      left() {},
      ended() {},
    });
  }

  /** Calls by a session, each named by its text; what they are rejected with goes to `rejected`. */
  call(session: number, text: string, rejected: number[] = []): void {
    this.cell.call(this.seats[session - 1]!, "echo", text, {
      resolve() {},
      reject: (code) => void rejected.push(code),
    });
  }

  /** The calls that the cell got since the last look, and has now done. */
  async work(): Promise<Got[]> {
    await new Promise((resolve) => setImmediate(resolve));
    const got: Got[] = [];
    const decoder = new TextDecoder();
    const reader = new OperationReader({ table: TO_CELL, output: 0 });
    reader.push(this.#out.take());
    for (let operation = reader.next(); operation !== null; operation = reader.next()) {
      got.push({ code: operation.code, session: operation.session, text: decoder.decode(operation.first) });
    }
    if (got.length > 0) this.cell.take({ ...DONE, id: got.length });
    return got;
  }

  /** All that the cell gets until it has nothing left to do. */
  async workAll(): Promise<Got[]> {
    const all: Got[] = [];
    for (;;) {
      const operations = await this.work();
      if (operations.length === 0) return all;
      all.push(...operations);
    }
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds;
    this.cell.tick(this.#now);
  }
}

Deno.test("a session with a thousand long calls before the cell leaves another its turn", async () => {
  const bench = new Bench(2);
  const long = "x".repeat(4096);
  for (let i = 0; i < 1000; i++) bench.call(1, long);
  const first = await bench.work();
  assertLess(first.length, 200);
  bench.call(2, "short");
  const second = await bench.work();
  assertLess(second.findIndex(({ session }) => session === 2), 2 + first.length, "waits for a window at most");
  const third = await bench.work();
  assert([...second, ...third].some(({ session }) => session === 2));
  const rest = await bench.workAll();
  assertEquals(first.length + second.length + third.length + rest.length, 1001);
});

Deno.test("a user with few calls waits for a window, and for no other's backlog", async () => {
  const bench = new Bench(101);
  const long = "x".repeat(2048);
  for (let i = 0; i < 100; i++) for (let session = 1; session <= 100; session++) bench.call(session, long);
  // All had nothing before: each has its first turn.
  for (let had = 0; had < 100;) had += (await bench.work()).length;
  await bench.work();
  for (let i = 0; i < 8; i++) {
    bench.call(101, "short");
    const given = await bench.work();
    assertLess(given.findIndex(({ session }) => session === 101), 0, "given before it came");
    const next = await bench.work();
    assertEquals(next.findIndex(({ session }) => session === 101), 0, "the first that is given then");
  }
  assertLess((await bench.work()).length, 4096 / 17 + 1);
});

Deno.test("users take turns by what they ask for, and sessions of one user share a turn", async () => {
  const bench = new Bench(3, (id) => id === 1 ? "ann" : "bob");
  for (let i = 0; i < 4000; i++) bench.call(1, "");
  for (let i = 0; i < 500; i++) {
    bench.call(2, "");
    bench.call(3, "");
  }
  await bench.work();
  const got = (await bench.work()).map(({ session }) => session);
  const of = (session: number) => got.filter((one) => one === session).length;
  assert(Math.abs(of(1) - of(2) - of(3)) <= 32, `${got.length}: ${of(1)}, ${of(2)}, ${of(3)}`);
});

Deno.test("a user that calls again as soon as it was served takes turns with the others", () => {
  const { seats } = new Bench(3);
  const backlog = new CellBacklog();
  const add = (session: number) => {
    const text = "x".repeat(2048); // a turn's worth
    backlog.add(seats[session - 1]!, ToCell.Call, 1, 0, text);
  };
  for (let i = 0; i < 20; i++) [1, 2].forEach(add);
  add(3);
  const served: number[] = [];
  for (let i = 0; i < 30; i++) {
    const { handle } = backlog.next()!.seat;
    served.push(handle);
    if (handle === 3) add(3);
  }
  assertEquals(served[0], 1, "order of arrival");
  const third = served.filter((session) => session === 3).length;
  assert(third >= 8 && third <= 11, served.join(" "));
});

Deno.test("a call that was answered while it waited never reaches the cell", async () => {
  const bench = new Bench(2);
  const rejected: number[] = [];
  for (let i = 0; i < 10_000; i++) bench.call(1, "", rejected);
  assertEquals(rejected, []);
  bench.cell.close(bench.seats[0]!, 1000);
  assertEquals(rejected.length, 10_000);
  const sent = await bench.workAll();
  const calls = sent.filter(({ code }) => code === ToCell.Call).length;
  assertLess(calls, 5000);
  assertEquals(sent.filter(({ code }) => code === ToCell.Close).length, 1);
});

Deno.test("calls that wait too long answer -32005, and never reach the cell", async () => {
  const bench = new Bench(1);
  const rejected: number[] = [];
  for (let i = 0; i < 6000; i++) bench.call(1, "", rejected);
  bench.pass(1001);
  assertEquals(rejected.length, 6000);
  assertEquals(new Set(rejected), new Set([-32005]));
  const calls = (await bench.workAll()).filter(({ code }) => code === ToCell.Call);
  assertLess(calls.length, 5000);
});

Deno.test("a new identity comes behind the calls that were made before it", async () => {
  const bench = new Bench(2);
  for (let i = 0; i < 5000; i++) bench.call(1, `${i}`);
  bench.cell.identity(bench.seats[0]!);
  bench.call(1, "last");
  bench.cell.identity(bench.seats[1]!);
  const of = (session: number) => (got: Got) => got.session === session;
  const first = await bench.work();
  assertEquals(first.filter(of(2)).map(({ code }) => code), [ToCell.Identity]); // nothing of its own waits
  const all = [...first, ...await bench.workAll()].filter(of(1));
  assertEquals(all.length, 5002);
  assertEquals(all.at(-2)!.code, ToCell.Identity);
  assertEquals(all.at(-1)!.text, "last");
});

Deno.test("beyond 32 MiB before a cell, waiting included, calls answer -32004; then there is room again", async () => {
  const bench = new Bench(1);
  const rejected: number[] = [];
  const text = "x".repeat(1 << 20);
  for (let i = 0; i < 40; i++) bench.call(1, text, rejected);
  assertEquals(rejected, new Array(8).fill(-32004));
  assertEquals((await bench.workAll()).length, 32);
  for (let i = 0; i < 32; i++) bench.call(1, text, rejected);
  assertEquals(rejected.length, 8);
});

Deno.test("every call reaches the cell once, each session's in order, at any pace of the cell", async () => {
  const burst = fc.record({ session: fc.integer({ min: 1, max: 4 }), count: fc.nat(2000), size: fc.nat(3000) });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(burst, fc.constant(null)), { maxLength: 12 }), async (steps) => {
      const bench = new Bench(4);
      const made = new Map<number, string[]>([1, 2, 3, 4].map((session) => [session, []]));
      const got = new Map<number, string[]>([1, 2, 3, 4].map((session) => [session, []]));
      const note = (operations: Got[]) => {
        for (const { session, text } of operations) got.get(session)!.push(text.trimEnd());
      };
      let number = 0;
      for (const step of steps) {
        if (step === null) {
          note(await bench.work());
          continue;
        }
        for (let i = 0; i < step.count; i++) {
          const rejected: number[] = [];
          const name = `${++number}`;
          bench.call(step.session, name + " ".repeat(step.size), rejected);
          if (rejected.length === 0) made.get(step.session)!.push(name);
        }
      }
      note(await bench.workAll());
      assertEquals(got, made);
    }),
    { numRuns: 30 },
  );
});
