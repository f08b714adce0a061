/** Calls, sessions and the server when a handler breaks its limits. */
import { assert, assertEquals, assertGreater, assertLess, assertMatch, assertStringIncludes } from "../assert.ts";
import { type Answer, Bench, type FakeClient, settings } from "../helpers/sandbox.ts";
import { until } from "../helpers/until.ts";
import { runs } from "../helpers/processes.ts";

/** For calls that are to run out of time. */
const TIMEOUT = 400;
/** For all others: they never do. */
const AMPLE = 60_000;
const code = (answer: Answer) => "code" in answer ? answer.code : answer.result;
const misbehaving = (rest = {}) => Bench.start(settings("misbehaving.ts", { timeout: AMPLE, ...rest }));

async function recovered(client: FakeClient): Promise<void> {
  await until(async () => code(await client.call("ping")) === "pong", "the cell answers again");
}

Deno.test("a promise that never settles is -32005 at the deadline, aborts the signal, and the cell stays", async () => {
  await using bench = await misbehaving({ timeout: TIMEOUT });
  const client = bench.client();
  await client.call("count");
  const began = performance.now();
  assertEquals(code(await client.call("never")), -32005);
  const took = performance.now() - began;
  assertGreater(took, TIMEOUT - 20);
  await until(() => client.of("log").some(([, message]) => message === "aborted"), "the signal is aborted");
  assertEquals(await client.call("count"), { result: { count: 2, resumed: false } });
  assertEquals(bench.logged("handler.restarted"), []);
  assertEquals(bench.logged("handler.timeout")[0]?.["method"], "never");
});

for (const method of ["loop", "stubborn_loop", "regular_expression"]) {
  Deno.test(`${method}: -32005 for the call, the cell is replaced, its process is gone, sessions go on`, async () => {
    await using bench = await misbehaving({ timeout: TIMEOUT });
    const [client, other] = [bench.client(), bench.client({ id: "bob" })];
    await other.call("count");
    const stuck = client.call(method);
    await new Promise((done) => setTimeout(done, TIMEOUT / 2));
    const behind = other.call("ping");
    assertEquals(code(await stuck), -32005);
    // Its own time is up, too, when this process was held up.
    assert([-32004, -32005].includes(Number(code(await behind))));
    await recovered(other);
    assertEquals(await other.call("count"), { result: { count: 1, resumed: true } });
    await until(async () => !await runs(bench.cells.pids[0]!), "the process of the endless loop is gone");
    await until(() => bench.logged("handler.restarted").length === 1, "the restart is logged");
    assertEquals(bench.logged("handler.restarted")[0]?.["cause"], "timeout");
    assert(bench.pool.ready);
  });
}

Deno.test("endless microtasks after an answer: the cell is replaced", async () => {
  await using bench = await misbehaving({ timeout: TIMEOUT });
  const client = bench.client();
  assertEquals(code(await client.call("microtasks")), "started");
  await until(() => bench.logged("handler.restarted").length === 1, "the cell is replaced");
  await recovered(client);
});

Deno.test("heap exhaustion ends only the cell: -32004, handler.out_of_memory", async () => {
  await using bench = await misbehaving({ memory: 32 * 1024 * 1024 });
  const client = bench.client();
  assertEquals(code(await client.call("heap")), -32004);
  assertEquals(bench.logged("handler.out_of_memory").length, 1);
  await recovered(client);
});

Deno.test("1 GiB of buffers in one go ends the cell before it is there", async () => {
  await using bench = await misbehaving({ memory: 32 * 1024 * 1024 });
  const client = bench.client();
  assertEquals(code(await client.call("buffers", { mib: 1024 })), -32004);
  assertEquals(bench.logged("handler.out_of_memory").length, 1);
  await recovered(client);
});

Deno.test("buffers kept call by call end the cell once they exceed its memory", async () => {
  await using bench = await misbehaving({ memory: 32 * 1024 * 1024 });
  const client = bench.client();
  assertEquals(code(await client.call("buffers", { mib: 20 })), 20);
  assertEquals(code(await client.call("wait", { ms: 600 })), 600);
  assertEquals(bench.logged("handler.out_of_memory"), []);
  await client.call("buffers", { mib: 60 });
  await until(() => bench.logged("handler.out_of_memory").length === 1, "the cell is replaced");
  await recovered(client);
});

for (const method of ["throw", "throw_odd", "reject", "wrong_result", "big_result", "bad_notify"]) {
  Deno.test(`${method}: -32603 with a reference that finds the log line, and nothing of the error`, async () => {
    await using bench = await misbehaving();
    const client = bench.client();
    const answer = await client.call(method) as { code: number; data: { ref: string } };
    assertEquals(answer.code, -32603);
    assertEquals(Object.keys(answer.data), ["ref"]);
    assertMatch(answer.data.ref, /^[0-9a-f-]{36}$/);
    const [line] = bench.logged("handler.failed");
    assertEquals(line?.["ref"], answer.data.ref);
    assertEquals(line?.["method"], method);
    assertEquals(line?.["module"], "test.v1");
    assertEquals(code(await client.call("ping")), "pong");
  });
}

Deno.test("results that JSON can't carry are -32603; undefined is null", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  assertEquals(code(await client.call("odd_result", { kind: "bigint" })), -32603);
  assertEquals(code(await client.call("odd_result", { kind: "cycle" })), -32603);
  assertEquals(await client.call("nothing"), { result: null });
});

for (const method of ["unhandled", "timer_throws"]) {
  Deno.test(`${method}: -32004 for what is in flight, the cell is replaced, the error is in the log only`, async () => {
    await using bench = await misbehaving();
    const client = bench.client();
    const waiting = client.call("wait", { ms: 300 });
    assertEquals(code(await client.call(method)), -32004);
    assertEquals(code(await waiting), -32004);
    const [line] = bench.logged("handler.failed");
    assertStringIncludes(String(line?.["detail"]), method === "unhandled" ? "nobody looks" : "in a timer");
    await recovered(client);
    assertEquals(await client.call("count"), { result: { count: 1, resumed: true } });
    assertEquals(bench.telemetry.restarts.size, 1);
  });
}

Deno.test("a handler that sends without end is stopped by an error of its own", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  assertEquals(code(await client.call("flood")), -32603);
  assertLess(client.of("notify").length, 100_000);
  assertStringIncludes(String(bench.logged("handler.failed")[0]?.["error"]), "RangeError");
  assertEquals(code(await client.call("ping")), "pong");
  assertEquals(bench.logged("handler.restarted"), []);
});

Deno.test("lines logged without end are dropped beyond the allowance", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  assertEquals(code(await client.call("log_flood")), "done");
  assertLess(client.of("log").length, 150_000);
  assertEquals(code(await client.call("ping")), "pong");
});

Deno.test("invalid params are -32602 with path, code and message, never the value", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  const answer = await client.call("wait", { ms: "my-secret-value" });
  assertEquals(answer, {
    code: -32602,
    data: {
      issues: [{ path: ["ms"], code: "invalid_type", message: "Invalid input: expected number, received string" }],
    },
  });
  assertEquals(code(await client.call("wait", [1])), -32602);
  assertEquals(code(await client.call("wait")), -32602);
  assertEquals(code(await client.call("no_such_method")), -32601);
});

Deno.test("ctx does what it says", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  client.presentUsers = [{ user: "ann", connections: 2 }];
  assertEquals(await client.call("context"), {
    result: {
      user: { id: "ann", roles: ["user"], claims: { sub: "ann" } },
      connection: { id: client.id, ip: "127.0.0.1", subprotocol: "test.v1" },
      presence: [{ user: "ann", connections: 2 }],
    },
  });
  assertEquals(client.did, [
    ["subscribe", "t"],
    ["notify", { jsonrpc: "2.0", method: "told" }],
    ["unsubscribe", "t"],
    ["log", "info", "line", { b: 2 }],
    ["log", "warn", 'careful {"c":3}', {}],
  ]);
  assertEquals(bench.published, [["test.v1", "t", { jsonrpc: "2.0", method: "said", params: { a: 1 } }]]);
  await client.call("leave");
  assertEquals(client.of("close"), [["enough"]]);
  client.line.identity({ id: "ann", roles: ["admin"], claims: {} });
  client.presentUsers = new Error("no presence");
  const again = await client.call("context") as { result: { user: unknown; presence: unknown } };
  assertEquals(again.result.user, { id: "ann", roles: ["admin"], claims: {} });
  assertEquals(again.result.presence, "Presence is not available");
});

Deno.test("close runs the hook, which may publish, and aborts what is in flight", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  await client.call("count");
  const waiting = client.call("never");
  await new Promise((done) => setTimeout(done, 20));
  client.line.close(1001);
  assertEquals(code(await waiting), -32004);
  await until(() => bench.published.length === 1, "the hook has published");
  const left = { jsonrpc: "2.0", method: "left", params: { code: 1001, count: 1 } };
  assertEquals(bench.published, [["test.v1", "left", left]]);
  assertEquals(client.of("notify"), []);
  await until(() => bench.pool.slots[0]!.seats.size === 0, "the session is forgotten");
  assertEquals(code(await client.call("ping")), -32004);
});

Deno.test("a publication for very many subscribers delays the calls of its module, and does not end the cell", async () => {
  // The share of the front is paid back within 3.2 s.
  const publish = () => 200_000;
  await using bench = await Bench.start(settings("misbehaving.ts", { timeout: 1_000 }), { publish });
  const [client, other] = [bench.client(), bench.client({ id: "bob" })];
  await other.call("count");
  const publishing = client.call("context");
  assertEquals(code(await other.call("ping")), -32004, "a call that the front does not read the answer of");
  assertEquals(code(await publishing), -32004);
  await recovered(other);
  assertEquals(await other.call("count"), { result: { count: 2, resumed: false } });
  assertEquals([bench.logged("handler.timeout"), bench.logged("handler.restarted")], [[], []]);
});

Deno.test("calls are answered -32004 beyond the queue's bound, and all are answered", async () => {
  await using bench = await misbehaving();
  const client = bench.client();
  await client.call("ping");
  const answers = await Promise.all(Array.from({ length: 20_000 }, () => client.call("ping")));
  const overloaded = answers.filter((answer) => code(answer) === -32004).length;
  assertEquals(overloaded, 20_000 - 16_384);
  assertEquals(answers.filter((answer) => code(answer) === "pong").length, 16_384);
});
