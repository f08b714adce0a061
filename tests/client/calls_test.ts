/** Calls settle once, as what became of them; by a clock in the test's hands. */
import { CallError } from "../../client/mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { type FakeSocket, settle, soon, World, type WorldOptions } from "./world.ts";

/** How a call ends: its result, or outcome, code and message. */
type Ending = { result: unknown } | {
  outcome: string;
  code: number;
  message: string;
};

function ending(call: Promise<unknown>): Promise<Ending> {
  return call.then((result) => ({ result }), (error) => {
    assert(error instanceof CallError, String(error));
    return { outcome: error.outcome, code: error.code, message: error.message };
  });
}

/** The ending of a call that is ready to end. */
const ended = (call: Promise<unknown>): Promise<Ending> => soon(ending(call), "the end of a call");

/** A world whose server takes calls only when the test says so. */
function idle(options: WorldOptions = {}): World {
  return new World(options);
}

const methods = (socket: FakeSocket) => socket.calls.map(({ method }) => method);

Deno.test("call() sends JSON-RPC and resolves to the result", async () => {
  using world = await World.open();
  const sum = world.client.call("sum", { a: 1, b: 2 });
  const [sent] = world.socket.calls;
  assertEquals(
    sent,
    {
      jsonrpc: "2.0",
      id: sent?.id,
      method: "sum",
      params: { a: 1, b: 2 },
    } as typeof sent,
  );
  world.answer(sent, { result: 3 });
  assertEquals(await soon(sum, "the call"), 3);
});

Deno.test("an error of the server is `refused`, with its code, data and delay", async () => {
  using world = await World.open();
  const call = assertRejects(() => world.client.call("send", {}), CallError);
  const data = { retry_after_ms: 120, more: true };
  world.answer(world.socket.calls[0], {
    error: { code: -32001, message: "Rate limited", data },
  });
  const { name, code, message, outcome, retryAfterMs, data: given } = await soon(call, "the call");
  assertEquals([name, code, message, outcome, retryAfterMs, given], [
    "CallError",
    -32001,
    "Rate limited",
    "refused",
    120,
    data,
  ]);
});

Deno.test("calls made before the connection are sent in order, once it is there", async () => {
  using world = idle();
  const calls = ["a", "b", "c"].map((method) => world.client.call(method, {}));
  world.connect();
  await settle();
  assertEquals(methods(world.socket), ["a", "b", "c"]);
  for (const sent of world.socket.calls) {
    world.answer(sent, { result: sent.method });
  }
  assertEquals(await soon(Promise.all(calls), "the calls"), ["a", "b", "c"]);
});

Deno.test("a broken connection: what was sent is `unknown`, what waits is sent later, nothing is sent twice", async () => {
  using world = await World.open();
  const sent = ending(world.client.call("sent", {}));
  const [first] = world.sockets;
  first!.end(1006);
  const waiting = world.client.call("waiting", {});
  assertEquals(await soon(sent, "the sent call"), { outcome: "unknown", code: 1006, message: "" });
  await world.pass(1_000);
  assertEquals([methods(first!), methods(world.socket)], [["sent"], [
    "waiting",
  ]]);
  world.answer(world.socket.calls[0], { result: 1 });
  assertEquals(await soon(waiting, "the waiting call"), 1);
});

Deno.test("the end of an old line ends only what was sent there", async () => {
  using world = await World.open();
  const old = world.socket;
  const lost = ending(world.client.call("lost", {}));
  old.notify("session.reconnect", { after_ms: 0 });
  const waiting = world.client.call("waiting", {});
  await world.pass(1_000);
  old.end(1001, "draining");
  assertEquals(await soon(lost, "the lost call"), { outcome: "unknown", code: 1001, message: "draining" });
  world.answer(world.socket.calls[0], { result: "new" });
  assertEquals(await soon(waiting, "the waiting call"), "new");
});

Deno.test("a signal that outlives its calls is not listened to any more", async () => {
  using world = await World.open();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  const call = world.client.call("m", {}, { signal });
  assertEquals(listeners, 1);
  world.answer(world.socket.calls[0], { result: 1 });
  await soon(call, "the call");
  assertEquals(listeners, 0);
});

Deno.test("nothing is heard of a line that was left", async () => {
  using world = await World.open();
  const heard: string[] = [];
  world.client.on("notification", (method) => heard.push(method));
  world.socket.notify("before", {});
  world.deaf = true;
  world.client.close();
  world.socket.notify("after", {});
  assertEquals(heard, ["before"]);
});

Deno.test("a call's time runs in the queue as well", async (t) => {
  await t.step("waiting: not_sent", async () => {
    using world = idle();
    const call = ending(world.client.call("late", {}, { timeout: 100 }));
    await world.pass(100);
    assertEquals(await soon(call, "the call"), {
      outcome: "not_sent",
      code: 0,
      message: "Timeout",
    });
    world.connect();
    await settle();
    assertEquals(methods(world.socket), [], "it is not sent any more");
  });
  await t.step("sent: unknown", async () => {
    using world = await World.open({ timeout: 200 });
    const call = ending(world.client.call("slow", {}));
    await world.pass(199);
    assertEquals(methods(world.socket), ["slow"]);
    await world.pass(1);
    assertEquals(await soon(call, "the call"), {
      outcome: "unknown",
      code: 0,
      message: "Timeout",
    });
    world.answer(world.socket.calls[0], { result: "too late" });
    assertEquals(world.errors, []);
  });
  await t.step("the default is 10 s", async () => {
    using world = await World.open();
    const call = ending(world.client.call("slow", {}));
    await world.pass(9_999);
    const early = await Promise.race([call, Promise.resolve("pending")]);
    await world.pass(1);
    assertEquals([early, (await soon(call, "the call") as { message: string }).message], [
      "pending",
      "Timeout",
    ]);
  });
});

Deno.test("a call is aborted by its signal, before and after it was sent", async () => {
  using world = idle();
  const abort = new AbortController();
  const waiting = ending(
    world.client.call("waiting", {}, { signal: abort.signal }),
  );
  abort.abort();
  assertEquals(await soon(waiting, "the waiting call"), {
    outcome: "not_sent",
    code: 0,
    message: "Aborted",
  });
  assertEquals(
    await ended(world.client.call("never", {}, { signal: abort.signal })),
    await soon(waiting, "the waiting call"),
  );

  world.connect();
  await settle();
  const later = new AbortController();
  const sent = ending(world.client.call("sent", {}, { signal: later.signal }));
  const done = world.client.call("done", {}, { signal: later.signal });
  world.answer(world.socket.calls[1], { result: 1 });
  assertEquals(await done, 1);
  later.abort();
  assertEquals(await soon(sent, "the sent call"), { outcome: "unknown", code: 0, message: "Aborted" });
  assertEquals(methods(world.socket), ["sent", "done"]);
});

Deno.test("the queue is bounded by calls and by bytes, or not there at all", async (t) => {
  const full = { outcome: "not_sent", code: 0, message: "Queue full" };
  await t.step("calls", async () => {
    using world = idle({ queue: { max: 2 } });
    const calls = [1, 2, 3].map(() => ending(world.client.call("m", {})));
    assertEquals(await soon(calls[2]!, "the third call"), full);
    world.connect();
    await settle();
    assertEquals(methods(world.socket), ["m", "m"]);
  });
  await t.step("bytes, of UTF-8", async () => {
    const size = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "m",
      params: ["€".repeat(100)],
    }).length + 200;
    using world = idle({ queue: { bytes: size } });
    ending(world.client.call("m", ["€".repeat(100)]));
    assertEquals(await ended(world.client.call("m", [])), full);
    using less = idle({ queue: { bytes: size - 1 } });
    assertEquals(await ended(less.client.call("m", ["€".repeat(100)])), full);
  });
  await t.step("a call that was sent makes room", async () => {
    using world = idle({ queue: { max: 1 } });
    const abort = new AbortController();
    ending(world.client.call("a", {}, { signal: abort.signal }));
    abort.abort();
    ending(world.client.call("b", {}));
    world.connect();
    await settle();
    assertEquals(methods(world.socket), ["b"]);
  });
  await t.step("and so do its bytes", async () => {
    using world = idle({ queue: { bytes: 100 } });
    for (let n = 0; n < 10; n++) {
      const abort = new AbortController();
      const call = ending(world.client.call("m", ["x"], { signal: abort.signal }));
      abort.abort();
      assertEquals((await soon(call, "the call") as { message: string }).message, "Aborted");
    }
  });
  await t.step("off, for a client and for a call", async () => {
    const none = { outcome: "not_sent", code: 0, message: "No connection" };
    using world = idle({ queue: false });
    assertEquals(await ended(world.client.call("m", {})), none);
    using other = idle();
    assertEquals(
      await ended(other.client.call("m", {}, { queue: false })),
      none,
    );
  });
  await t.step("the default is 100 calls", async () => {
    using world = idle();
    const calls = Array.from(
      { length: 101 },
      () => ending(world.client.call("m", {})),
    );
    assertEquals(await soon(calls[100]!, "the last call"), full);
  });
});

Deno.test("calls wait while more than 1 MiB is unsent, and keep their order", async () => {
  using world = await World.open();
  const first = world.client.call("first", {});
  world.socket.bufferedAmount = 1_048_577;
  const rest = ["second", "third"].map((method) => ending(world.client.call(method, {})));
  assertEquals(await ended(world.client.call("now", {}, { queue: false })), {
    outcome: "not_sent",
    code: 0,
    message: "No connection",
  });
  assertEquals(methods(world.socket), ["first"]);
  world.socket.bufferedAmount = 1_048_576;
  world.answer(world.socket.calls[0], { result: 1 });
  await soon(first, "the first call");
  assertEquals(methods(world.socket), ["first", "second", "third"]);
  for (const sent of world.socket.calls.slice(1)) {
    world.answer(sent, { result: sent.method });
  }
  assertEquals(await soon(Promise.all(rest), "the calls"), [{ result: "second" }, {
    result: "third",
  }]);
});

Deno.test("close() ends every call: what was sent is unknown, what waits was not sent", async () => {
  using world = await World.open();
  const sent = ending(world.client.call("sent", {}));
  world.socket.bufferedAmount = 2_000_000;
  const waiting = ending(world.client.call("waiting", {}));
  world.client.close("done");
  assertEquals(await soon(Promise.all([sent, waiting]), "the calls"), [
    { outcome: "unknown", code: 1000, message: "done" },
    { outcome: "not_sent", code: 1000, message: "done" },
  ]);
  assertEquals(await ended(world.client.call("after", {})), {
    outcome: "not_sent",
    code: 0,
    message: "No connection",
  });
});

Deno.test("params that are no JSON are refused at once", async () => {
  using world = await World.open();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  await assertRejects(() => world.client.call("m", loop), TypeError);
  await assertRejects(() => world.client.call("m", { n: 1n }), TypeError);
  assertEquals(methods(world.socket), []);
});

Deno.test("a hostile server settles nothing but what was asked, and breaks nothing", async () => {
  using world = await World.open();
  const call = ending(world.client.call("honest", {}));
  const { id } = world.socket.calls[0]!;
  const polluted: unknown[] = [];
  world.client.on("notification", (_method, params) => polluted.push(params));
  const messages: unknown[] = [
    "",
    "{",
    "null",
    "5",
    "[]",
    `[{"id":${id},"result":"batch"}]`,
    `{"id":"${id}","result":"other type"}`,
    `{"id":[${id}],"result":1}`,
    `{"id":${id! + 1},"result":"unknown id"}`,
    `{"id":"__proto__","result":1}`,
    `{"id":"constructor","error":{"code":1,"message":"x"}}`,
    `{"id":null,"error":{"code":-32700,"message":"Parse error"}}`,
    `{"__proto__":{"id":${id},"result":"inherited"}}`,
    `{"method":5,"params":{}}`,
    `{"method":"topic.event"}`,
    `{"method":"topic.event","params":null}`,
    `{"method":"topic.event","params":{"topic":"__proto__","event":"toString","data":{}}}`,
    `{"method":"topic.ended","params":[]}`,
    `{"method":"__proto__","params":{"__proto__":{"polluted":true}}}`,
  ];
  for (const message of messages) world.socket.push(message);
  world.socket.push(new ArrayBuffer(8) as unknown as string);
  assertEquals(
    (Object.prototype as Record<string, unknown>).polluted,
    undefined,
  );
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
  assertEquals(world.client.state, "open");
  assertEquals(polluted.length, 1);
  world.answer(world.socket.calls[0], { result: "honest" });
  world.answer(world.socket.calls[0], { result: "again" });
  assertEquals(await soon(call, "the call"), { result: "honest" });

  for (
    const error of [1, "x", [], { code: "1", message: { toString: 1 } }, {
      data: { retry_after_ms: { valueOf: 1 } },
    }]
  ) {
    const refused = ending(world.client.call("m", {}, { timeout: 50 }));
    world.answer(world.socket.calls.at(-1), { error });
    await world.pass(50);
    assert(
      ["refused", "unknown"].includes(
        (await refused as { outcome: string }).outcome,
      ),
      JSON.stringify(error),
    );
  }
});

Deno.test("a flood of messages leaves nothing behind and starves no answer", async () => {
  using world = await World.open();
  const call = world.client.call("m", {});
  const timers = world.timers;
  for (let n = 0; n < 100_000; n++) {
    world.socket.push(`{"id":${n + 1_000_000},"result":${n}}`);
  }
  for (let n = 0; n < 1_000; n++) {
    world.socket.notify("session.reconnect", { after_ms: 1e308 });
  }
  assertEquals(
    world.timers,
    timers - 1,
    "timers: a drain stops watching and refreshing, and waits",
  );
  world.answer(world.socket.calls[0], { result: "answer" });
  assertEquals(await soon(call, "the call"), "answer");
});
