/** A cell whose runtime is no longer in control harms no other. */
import { assert, assertEquals, assertLess, assertStringIncludes } from "../../assert.ts";
import { ToCell, ToHost } from "../../../lib/sandbox/wire/operations.ts";
import { Bench, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";
import { type FakeCell, FakeCells, type Got, type OnCall, pong } from "./fake_cells.ts";

/** A module whose cells do `act` when "say" is called, and a second one that is honest. */
async function rogue(act: OnCall, timeout = 60_000) {
  const cells = new FakeCells({
    onCall: (cell, call) => cells.started.indexOf(cell) === 0 && call.extra === 0 ? act(cell, call) : pong(cell, call),
  });
  const configs = [settings("attacks.ts", { timeout }), settings("attacks.ts", { timeout, subprotocol: "other.v1" })];
  return { cells, bench: await Bench.start(configs, { cells }) };
}

/** The table's own rules are those of the reader's test; these are some of them, and all that come on top. */
const broken: Record<string, (cell: FakeCell, call: Got) => void> = {
  "an operation that does not exist": (cell) => cell.say(99, 0, 0, 0),
  "an operation of the other direction": (cell) => cell.say(ToCell.Ping, 0, 0, 0),
  "a length that does not add up": (cell) => cell.say(ToHost.Notify, 1, 0, 0, "{}", "more"),
  "a call answered that was never made": (cell) => cell.say(ToHost.Result, 0, 1000, 0, "1"),
  "an error to a call that was never made": (cell) => cell.say(ToHost.Error, 0, 1000, 32_603, ""),
  "a result that is not UTF-8": (cell, { id }) => cell.say(ToHost.Result, 0, id, 0, Uint8Array.of(0xff)),
  "a result that is too long": (cell, { id }) => cell.say(ToHost.Result, 0, id, 0, "x".repeat((1 << 20) + 1)),
  "an error code that is the server's": (cell, { id }) => cell.say(ToHost.Error, 0, id, 32_001, ""),
  "data of an error that is not UTF-8": (cell, { id }) => cell.say(ToHost.Error, 0, id, 32_603, Uint8Array.of(0xc0)),
  "an error that the method does not declare": (cell, { id }) => cell.say(ToHost.DeclaredError, 0, id, 0, ""),
  "data of a declared error that is not UTF-8": (cell, { id }) =>
    cell.say(ToHost.DeclaredError, 0, id, 0, Uint8Array.of(0xff)),
  "a notification that is not UTF-8": (cell) => cell.say(ToHost.Notify, 1, 0, 0, Uint8Array.of(0xed, 0xa0, 0x80)),
  "a notification to no session": (cell) => cell.say(ToHost.Notify, 0, 0, 0, "{}"),
  "a topic that is not UTF-8": (cell) => cell.say(ToHost.Publish, 0, 0, 0, Uint8Array.of(0xff), "{}"),
  "a publication that is not UTF-8": (cell) => cell.say(ToHost.Publish, 0, 0, 0, "t", Uint8Array.of(0xff)),
  "a topic that is too long": (cell) => cell.say(ToHost.Subscribe, 1, 1, 0, "x".repeat(513)),
  "a subscription without a number": (cell) => cell.say(ToHost.Subscribe, 1, 0, 0, "t"),
  "a reason that is too long": (cell) => cell.say(ToHost.Close, 1, 0, 0, "x".repeat(124)),
  "a frame, though it is not raw": (cell) => cell.say(ToHost.Send, 1, 0, 1, "x"),
  "more done than was asked": (cell) => cell.say(ToHost.Done, 0, 1000, 0),
  "a level that does not exist": (cell) => cell.say(ToHost.Log, 1, 0, 4, "x"),
  "log fields that are not JSON": (cell) => cell.say(ToHost.Log, 1, 0, 1, "x", "{"),
  "log fields that are no object": (cell) => cell.say(ToHost.Log, 1, 0, 1, "x", "7"),
  "more failures than it was given calls": (cell) => {
    for (let i = 0; i < 10; i++) cell.say(ToHost.Failed, 1, 0, 0, `${"r".repeat(36)} say`, "error");
  },
  "a greeting once more": (cell) => cell.say(ToHost.Hello, 0, 0, 0, "x"),
  "a contract once more": (cell) => cell.say(ToHost.Loaded, 0, 0, 0, "{}"),
};
for (const [what, act] of Object.entries(broken)) {
  Deno.test(`a cell that sends ${what} is ended, its call is -32004, and nothing is done`, async () => {
    const { cells, bench: made } = await rogue(act);
    await using bench = made;
    const client = bench.client();
    const neighbour = bench.client({}, bench.pools[1]!);
    assertEquals(await client.call("say"), { code: -32004, data: undefined });
    assertEquals(client.did, []);
    assertEquals(bench.published, []);
    assert(cells.started[0]!.killed);
    const [line] = bench.logged("handler.failed").filter(({ cause }) => cause !== undefined);
    assertEquals([line?.["module"], line?.["cause"]], ["test.v1", "crash"]);
    assertStringIncludes(String(line?.["detail"]), "the cell broke the protocol: ");
    assertEquals(await neighbour.call("say"), { result: "pong" });
    assertEquals(neighbour.did, []);
    await until(async () => "result" in await client.call("ping"), "the session is served by the next cell");
    assertEquals(cells.started.length, 3);
  });
}

Deno.test("an answer that keeps to the rules is taken", async () => {
  const { bench: made } = await rogue((cell, { id }) => cell.out.write(ToHost.Result, 0, id, 0, "42"));
  await using bench = made;
  assertEquals(await bench.client().call("say"), { result: 42 });
});

Deno.test("handles and calls of another cell can't be named", async () => {
  const cells = new FakeCells({
    onCall(cell, { id, session }) {
      // Both cells have handle 1 and a call of the same number: each reaches its own.
      const of = cells.started.indexOf(cell);
      cell.out.write(ToHost.Notify, session, 0, 0, JSON.stringify({ of }));
      cell.out.write(ToHost.Result, 0, id, 0, `${of}`);
    },
  });
  await using bench = await Bench.start(settings("attacks.ts", { cells: 2 }), { cells });
  const [one, two] = [bench.client(), bench.client()];
  assertEquals(await Promise.all([one.call("say"), two.call("say")]), [{ result: 0 }, { result: 1 }]);
  assertEquals([one.did, two.did], [[["notify", { of: 0 }]], [["notify", { of: 1 }]]]);
});

Deno.test("a session that has left is not reached any more", async () => {
  const { bench: made } = await rogue((cell, { id }) => {
    cell.out.write(ToHost.Notify, 1, 0, 0, "{}");
    cell.out.write(ToHost.Result, 0, id, 0, "1");
  });
  await using bench = made;
  const [gone, client] = [bench.client(), bench.client()];
  gone.line.close(1000);
  assertEquals(await client.call("say"), { result: 1 });
  assertEquals([gone.did, client.did], [[], []]);
});

Deno.test("a second answer to one call is dropped, since the host's own answer may have crossed it", async () => {
  const { bench: made } = await rogue((cell, { id }) => {
    for (const result of ["1", "2"]) cell.out.write(ToHost.Result, 0, id, 0, result);
    cell.out.write(ToHost.Error, 0, id, 32_603, "");
  });
  await using bench = made;
  const client = bench.client();
  assertEquals([await client.call("say"), await client.call("say")], [{ result: 1 }, { result: 1 }]);
});

Deno.test("a cell that sends unasked without end is ended, and its neighbour is served", async () => {
  const { bench: made } = await rogue((cell) => {
    for (let i = 0; i < 1_000_000; i++) cell.out.write(ToHost.Notify, 1, 0, 0, "{}");
  });
  await using bench = made;
  const client = bench.client();
  const neighbour = bench.client({}, bench.pools[1]!);
  const flooded = client.call("say");
  assertEquals(await neighbour.call("say"), { result: "pong" });
  assertEquals(await flooded, { code: -32004, data: undefined });
  assertLess(client.of("notify").length, 1_000_000);
  assertStringIncludes(String(bench.logged("handler.failed")[0]?.["detail"]), "too much is sent unasked");
});

Deno.test("no more answers wait for a cell that does not read than 32 MiB; the others are refused", async () => {
  const cells = new FakeCells({
    onCall(cell, { session }) {
      cell.deaf = true;
      for (let query = 1; query <= 100; query++) cell.out.write(ToHost.Presence, session, query, 0, "t");
    },
  });
  await using bench = await Bench.start(settings("attacks.ts", { timeout: 60_000 }), { cells });
  const client = bench.client();
  client.presentUsers = [{ user: "x".repeat(1_000_000), connections: 1 }];
  const call = client.call("say");
  await until(() => client.asked === 100, "all were asked");
  cells.cell.hear();
  const answers = () => cells.cell.got.filter(({ code }) => code === ToCell.Presence);
  await until(() => answers().length === 100, () => `100 answers, there are ${answers().length}`);
  assertEquals(answers().filter(({ extra }) => extra === 1).length, 34);
  assert(answers().filter(({ extra }) => extra === 0).every(({ first }) => first === ""));
  cells.cell.end("crash", "the test is over");
  await call;
});

Deno.test("a cell that asks without end and does not read is ended", async () => {
  const cells = new FakeCells({
    onCall(cell, { session }) {
      cell.deaf = true;
      const ask = () => {
        if (cell.killed) return;
        for (let i = 0; i < 10_000; i++) cell.out.write(ToHost.Presence, session, 1, 0, "t");
        cell.flush();
        setTimeout(ask, 300);
      };
      ask();
    },
  });
  await using bench = await Bench.start(settings("attacks.ts", { timeout: 60_000 }), { cells });
  assertEquals(await bench.client().call("say"), { code: -32004, data: undefined });
  assertStringIncludes(String(bench.logged("handler.failed")[0]?.["detail"]), "does not read");
});

Deno.test("presence that is too long for a cell is not available, and the cell stays", async () => {
  const answers: Got[] = [];
  const cells = new FakeCells({
    onCall(cell, { id, session }) {
      cell.out.write(ToHost.Presence, session, 7, 0, "t");
      cell.out.write(ToHost.Result, 0, id, 0, "null");
    },
  });
  await using bench = await Bench.start(settings("attacks.ts"), { cells });
  const client = bench.client();
  const asked = async (length: number) => {
    client.presentUsers = [{ user: "€".repeat(length), connections: 1 }];
    await client.call("say");
    const count = answers.length + 1;
    const found = () => cells.cell.got.filter(({ code }) => code === ToCell.Presence);
    await until(() => found().length === count, "the answer");
    answers.push(found().at(-1)!);
    return answers.at(-1)!.extra;
  };
  const overhead = JSON.stringify([{ user: "", connections: 1 }]).length;
  const most = Math.floor(((1 << 20) - overhead) / 3);
  assertEquals([await asked(most), await asked(most + 1)], [1, 0]);
  assertEquals(cells.started.length, 1);
});

Deno.test("a cell that reads and does nothing is ended when its time is up", async () => {
  const cells = new FakeCells();
  await using bench = await Bench.start(settings("attacks.ts", { timeout: 300 }), { cells });
  const client = bench.client();
  assertEquals(await client.call("ping"), { result: "pong" });
  cells.cell.silent = true;
  assertEquals((await client.call("ping") as { code: number }).code, -32005);
  await until(() => bench.logged("handler.timeout").some(({ cause }) => cause === "timeout"), "the cell is ended");
  await until(async () => "result" in await client.call("ping"), "the session is served by the next cell");
});

for (const [cause, event] of [["out_of_memory", "handler.out_of_memory"], ["timeout", "handler.timeout"]] as const) {
  Deno.test(`a process that ends by ${cause} is told as that, once, and replaced`, async () => {
    const { cells, bench: made } = await rogue((cell) => cell.end(cause, "the reason"));
    await using bench = made;
    const client = bench.client();
    assertEquals(await client.call("say"), { code: -32004, data: undefined });
    const told = bench.lines.filter((line) => line["detail"] !== undefined);
    assertEquals(told.map((line) => [line["event"], line["detail"]]), [[event, "the reason"]]);
    await until(async () => "result" in await client.call("ping"), "the session is served by the next cell");
    assertEquals(cells.started.length, 3);
  });
}

Deno.test("a cell that works though nothing asked for it is ended", async () => {
  const { cells, bench: made } = await rogue(pong);
  await using bench = made;
  const client = bench.client();
  await client.call("ping");
  // More CPU than a call may take, within no time.
  cells.started[0]!.vitals(1_000_000);
  assertStringIncludes(String(bench.logged("handler.timeout")[0]?.["detail"]), "of CPU");
  await until(async () => "result" in await client.call("ping"), "the session is served by the next cell");
});
