/** The inner gate through real sockets: every error and close code a message can meet, on both engines. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { closePayload, concat, frame } from "../helpers/client_frames.ts";
import { call, type Engine, ENGINES, join, nextAnswer } from "../helpers/client.ts";

const MODULE = "tests/e2e/modules/trials.ts";
const TRIALS = [
  { subprotocol: "trials.v1", module: MODULE, cells: 1, timeout: "1s" },
  { subprotocol: "echo.raw.v1", module: "examples/echo/raw.ts", cells: 1 },
  { subprotocol: "text.raw.v1", module: "tests/e2e/modules/text_only.ts", cells: 1 },
  { subprotocol: "slow.raw.v1", module: "tests/e2e/modules/slow_raw.ts", cells: 1 },
];

function start(engine: Engine, config: Record<string, Record<string, unknown>> = {}): Promise<TestServer> {
  return startServer({ engine, handlers: TRIALS, config });
}

const trial = (server: TestServer, user = "ann", roles = ["user"]) =>
  join(server, { subprotocol: "trials.v1", token: server.token(user, { roles }) });

for (const engine of ENGINES) {
  Deno.test(`${engine}: requests, notifications and batches are answered as JSON-RPC says`, async (t) => {
    await using server = await start(engine);
    using client = await trial(server);

    await t.step("a result", async () => {
      assertEquals(await call(client, "trial.echo", { text: "grüß dich 👋" }), {
        jsonrpc: "2.0",
        id: 1,
        result: { text: "grüß dich 👋" },
      } as unknown);
    });
    await t.step("ids come back as they were", async () => {
      for (const id of ["a", "", 0, -7, 1.5, null]) {
        assertEquals((await call(client, "trial.echo", { text: "x" }, id)).id, id);
      }
    });
    await t.step("a notification is not answered", async () => {
      await client.text(JSON.stringify({ jsonrpc: "2.0", method: "trial.echo", params: { text: "x" } }));
      assertEquals((await call(client, "trial.echo", { text: "next" }, 9)).id, 9);
    });
    await t.step("a batch is answered in one message, notifications left out", async () => {
      const item = (id: number | undefined, text: string) => ({
        jsonrpc: "2.0",
        id,
        method: "trial.echo",
        params: { text },
      });
      await client.text(JSON.stringify([item(1, "a"), item(undefined, "b"), item(2, "c"), 5]));
      const answers = JSON.parse(await client.nextText()) as { id: unknown; error?: { code: number } }[];
      assertEquals(answers.map(({ id }) => id).sort(), [1, 2, null]);
      assertEquals(answers.find(({ id }) => id === null)?.error?.code, -32600);
      await client.text(JSON.stringify([item(undefined, "a"), item(undefined, "b")]));
      assertEquals((await call(client, "trial.echo", { text: "after" }, 3)).id, 3);
    });
    await t.step("keys like __proto__ are harmless", async () => {
      await client.text(
        '{"jsonrpc":"2.0","id":4,"method":"trial.echo","params":{"text":"x","__proto__":{"text":"y"},"constructor":1}}',
      );
      assertEquals((await nextAnswer(client)).result, { text: "x" });
    });
    await t.step("pushed messages are notifications", async () => {
      const pushed = await call(client, "trial.notify", {});
      assertEquals([pushed.method, pushed.params, pushed.id], ["trial.pushed", { to: "ann" }, undefined]);
      assertEquals((await nextAnswer(client)).result, true);
    });
  });

  Deno.test(`${engine}: a message is refused with the code of its fault`, async (t) => {
    await using server = await start(engine, { messages: { max_invalid: 1000 } });
    using client = await trial(server);
    const code = async (text: string) => {
      await client.text(text);
      return (await nextAnswer(client)).error?.code;
    };
    const request = (method: string, params: unknown = {}) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });

    await t.step("message.rejected names reason, user and method", async () => {
      assertEquals(await code(request("trial.admin")), -32003);
      const line = await server.logged("message.rejected", (line) => line.reason === "forbidden");
      assertEquals([line.user, line.method, typeof line.conn], ["ann", "trial.admin", "string"]);
    });
    await t.step("-32700 parse error", async () => assertEquals(await code("{"), -32700));
    await t.step("-32600 invalid request", async () => assertEquals(await code('{"id":1}'), -32600));
    await t.step("-32600 too deep", async () => {
      const nested = (levels: number) =>
        `{"jsonrpc":"2.0","id":1,"method":"trial.any","params":${"[".repeat(levels)}${"]".repeat(levels)}}`;
      assertEquals(await code(nested(31)), undefined);
      assertEquals(await code(nested(32)), -32600);
    });
    await t.step("-32600 batch too large", async () => {
      const batch = (size: number) => `[${Array(size).fill(request("trial.any")).join()}]`;
      await client.text(batch(20));
      assertEquals(JSON.parse(await client.nextText()).length, 20);
      assertEquals(await code(batch(21)), -32600);
    });
    await t.step("-32601 no such method", async () => {
      for (const method of ["nope", "__proto__", "constructor", "", "rpc.nope"]) {
        assertEquals(await code(request(method)), -32601, method);
      }
    });
    await t.step("-32602 invalid params, with where and what but never the value", async () => {
      const answer = await call(client, "trial.echo", { text: { secret: "hunter2" } });
      assertEquals(answer.error?.code, -32602);
      const issues = answer.error?.data?.issues as { path: unknown[]; code: string; message: string }[];
      assertEquals(issues[0]!.path, ["text"]);
      assert(!JSON.stringify(answer).includes("hunter2"));
    });
    await t.step("-32603 the handler failed, and nothing of its error leaves", async () => {
      const answer = await call(client, "trial.fail", {});
      assertEquals(answer.error?.code, -32603);
      assertEquals(Object.keys(answer.error?.data ?? {}), ["ref"]);
      assert(!JSON.stringify(answer).includes("boiler"));
      const line = await server.logged("handler.failed", (line) => line.ref === answer.error?.data?.ref);
      assert(JSON.stringify(line).includes("boiler"), "the log has it");
    });
    await t.step("-32003 forbidden for these roles", async () => {
      assertEquals(await code(request("trial.admin")), -32003);
      using admin = await trial(server, "root", ["admin"]);
      assertEquals((await call(admin, "trial.admin", {})).result, "yes");
      using nobody = await trial(server, "nobody", []);
      assertEquals((await call(nobody, "trial.public", {})).result, "yes");
    });
    await t.step("-32005 handler timeout", async () => assertEquals(await code(request("trial.hang")), -32005));
  });

  Deno.test(`${engine}: limits of messages`, async (t) => {
    await using server = await start(engine, {
      limits: {
        handshake: { rate: 1000, burst: 1000 },
        connection: { rate: 0.2, burst: 8, bytes_rate: "1KiB", bytes_burst: "4KiB" },
        max_violations: 4,
        types: { "trial.any": { rate: 0.5, burst: 2 } },
      },
    });

    await t.step("-32001 over the rate, told when to come back, then 1008 rate_limited and a ban", async () => {
      using client = await trial(server, "flooder");
      for (let i = 0; i < 8; i++) assertEquals((await call(client, "trial.echo", { text: "x" }, i)).id, i);
      for (let i = 0; i < 4; i++) {
        const { error, id } = await call(client, "trial.echo", { text: "x" }, `over${i}`);
        assertEquals([id, error?.code], [`over${i}`, -32001]);
        const wait = Number(error?.data?.retry_after_ms);
        assert(wait > 3_000 && wait <= 5_500, `retry_after_ms: ${wait}`);
      }
      assertEquals(await client.nextClose(), { code: 1008, reason: "rate_limited" });
      await server.logged("ban.added", (line) => JSON.stringify(line).includes("flooder"));
    });
    await t.step("a method has a bucket of its own", async () => {
      using client = await trial(server, "typist");
      assertEquals((await call(client, "trial.any", {})).error, undefined);
      assertEquals((await call(client, "trial.any", {})).error, undefined);
      assertEquals((await call(client, "trial.any", {})).error?.code, -32001);
      assertEquals((await call(client, "trial.echo", { text: "x" })).error, undefined);
    });
    await t.step("bytes count as well", async () => {
      using client = await trial(server, "heavy");
      assertEquals((await call(client, "trial.echo", { text: "x".repeat(3000) })).error, undefined);
      assertEquals((await call(client, "trial.echo", { text: "x".repeat(3000) })).error?.code, -32001);
    });
    await t.step("a cost above one takes more tokens", async () => {
      using client = await trial(server, "spender");
      assertEquals((await call(client, "trial.dear", {})).error, undefined);
      assertEquals((await call(client, "trial.dear", {})).error?.code, -32001);
    });
  });

  Deno.test(`${engine}: a connection ends with the code of its cause`, async (t) => {
    await using server = await start(engine, { messages: { max_bytes: "1KiB", max_invalid: 3 } });

    await t.step("1009 message_too_big, exactly above max_bytes", async () => {
      using client = await trial(server);
      const empty = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "trial.echo", params: { text: "" } }).length;
      assertEquals((await call(client, "trial.echo", { text: "x".repeat(1024 - empty) })).error, undefined);
      await client.text("x".repeat(1025));
      assertEquals(await client.nextClose(), { code: 1009, reason: "message_too_big" });
      await server.logged("message.rejected", (line) => line.reason === "message_too_big");
    });
    await t.step("1008 invalid_messages on the max_invalid-th", async () => {
      using client = await trial(server);
      for (const text of ["{", '{"id":1}', "nope"]) {
        await client.text(text);
        assert((await nextAnswer(client)).error !== undefined);
      }
      assertEquals(await client.nextClose(), { code: 1008, reason: "invalid_messages" });
    });
    await t.step("1003 for a binary frame where the handler takes none", async () => {
      using client = await trial(server);
      await client.frame({ opcode: 2, payload: new Uint8Array([1, 2, 3]) });
      assertEquals((await client.nextClose()).code, 1003);
      using text = await join(server, { subprotocol: "text.raw.v1" });
      await text.frame({ opcode: 2, payload: new Uint8Array([1]) });
      assertEquals((await text.nextClose()).code, 1003);
    });
    await t.step("1000 with the handler's reason", async () => {
      using client = await trial(server);
      await client.text(JSON.stringify({ jsonrpc: "2.0", method: "trial.close", params: { reason: "bye now" } }));
      assertEquals(await client.nextClose(), { code: 1000, reason: "bye now" });
      await server.logged("connection.closed", (line) => line.code === 1000 && line.reason === "bye now");
    });
    await t.step("connection.closed counts messages and bytes", async () => {
      using client = await trial(server, "counted");
      await call(client, "trial.echo", { text: "x" });
      await client.sendClose(1000, "done");
      const line = await server.logged("connection.closed", (line) => line.user === "counted");
      assertEquals([line.code, line.messages_in, line.messages_out], [1000, 1, 1]);
      assert(Number(line.bytes_in) > 50 && Number(line.bytes_out) > 30 && Number(line.duration_ms) >= 0);
    });
  });

  Deno.test(`${engine}: raw frames pass as they are`, async () => {
    await using server = await start(engine);
    using client = await join(server, { subprotocol: "echo.raw.v1" });
    await client.text("not JSON at all");
    assertEquals(await client.nextText(), "not JSON at all");
    await client.frame({ opcode: 2, payload: new Uint8Array([0, 255, 128]) });
    const frame = await client.nextFrame();
    assertEquals([frame.opcode, [...frame.payload]], [2, [0, 255, 128]]);
  });

  Deno.test(`${engine}: raw frames that fit no schema are logged, and too many end the connection`, async () => {
    await using server = await start(engine, { messages: { max_invalid: 3 } });
    using client = await join(server, { subprotocol: "slow.raw.v1" });
    for (const frame of ["1", "2", "a", "3"]) await client.text(frame);
    assertEquals(await client.nextClose(), { code: 1008, reason: "invalid_messages" });
    await client.sendClose(1008);
    await server.logged("connection.closed");
    assertEquals(
      server.log.filter(({ event }) => event === "message.rejected").map(({ reason, method }) => [reason, method]),
      Array.from({ length: 3 }, () => ["invalid_params", "message"]),
    );
  });

  Deno.test(`${engine}: the methods of the server`, async (t) => {
    await using server = await start(engine);
    using client = await trial(server);

    await t.step("session.whoami", async () => {
      const { result } = await call(client, "session.whoami");
      const { user, roles, expires_at } = result as Record<string, unknown>;
      assertEquals([user, roles], ["ann", ["user"]]);
      assert(Math.abs(Number(expires_at) - Date.now() / 1000 - 300) < 30);
    });
    await t.step("session.refresh replaces the token at once", async () => {
      assertEquals((await call(client, "trial.admin", {})).error?.code, -32003);
      const token = server.token("ann", { roles: ["user", "admin"], ttl: 900 });
      const { result } = await call(client, "session.refresh", { token });
      const { roles, expires_at } = result as Record<string, unknown>;
      assertEquals(roles, ["user", "admin"]);
      assert(Number(expires_at) - Date.now() / 1000 > 800);
      assertEquals((await call(client, "trial.admin", {})).result, "yes");
    });
    await t.step("session.refresh with a bad token is -32003 and changes nothing", async () => {
      for (const token of [server.token("bob"), "x.y.z", server.token("ann", { ttl: -100 })]) {
        assertEquals((await call(client, "session.refresh", { token })).error?.code, -32003);
      }
      assertEquals((await call(client, "session.refresh", {})).error?.code, -32602);
      assertEquals(((await call(client, "session.whoami")).result as { user: string }).user, "ann");
    });
    await t.step("rpc.discover shows a caller what it may call", async () => {
      using user = await trial(server, "bob");
      const document = (await call(user, "rpc.discover")).result as { openrpc: string; methods: { name: string }[] };
      assertMatch(document.openrpc, /^1\.4/);
      const names = document.methods.map(({ name }) => name);
      assert(names.includes("trial.echo"));
      assert(!names.includes("trial.admin"));
    });
  });

  Deno.test(`${engine}: a session ends in time`, async (t) => {
    await t.step("4401 when its token does, unless refreshed", async () => {
      await using server = await start(engine);
      const ends = Math.ceil(Date.now() / 1000) + 2;
      const token = server.token("ann", { claims: { exp: ends } });
      using client = await join(server, { subprotocol: "trials.v1", token });
      using other = await join(server, { subprotocol: "trials.v1", token });
      await call(other, "session.refresh", { token: server.token("ann") });
      assertEquals(await client.nextClose(10_000), { code: 4401, reason: "token_expired" });
      const late = Date.now() - ends * 1000;
      assert(late >= -50 && late < 5_000, `${late} ms after exp`);
      assertEquals((await call(other, "trial.echo", { text: "alive" })).error, undefined);
    });
    const timed = (times: Record<string, string>) =>
      start(engine, { server: { host: "localhost", port: 0, engine, ...times } });
    await t.step("4401 session_expired after max_session", async () => {
      await using server = await timed({ max_session: "1s" });
      using client = await trial(server);
      assertEquals(await client.nextClose(10_000), { code: 4401, reason: "session_expired" });
    });
    await t.step("4408 idle after idle_timeout without a message", async () => {
      await using server = await timed({ idle_timeout: "1s" });
      using client = await trial(server);
      assertEquals(await client.nextClose(10_000), { code: 4408, reason: "idle" });
    });
  });
}

Deno.test("edge: a client over its rate is delayed, not refused, with on_exceed = delay", async () => {
  await using server = await start("edge", {
    limits: { connection: { rate: 20, burst: 2, bytes_rate: "1MiB", bytes_burst: "1MiB" }, on_exceed: "delay" },
  });
  using client = await trial(server);
  const count = 12;
  const started = performance.now();
  for (let id = 0; id < count; id++) {
    await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "trial.echo", params: { text: "x" } }));
  }
  for (let id = 0; id < count; id++) assertEquals((await nextAnswer(client)).id, id);
  assert(performance.now() - started >= (count - 2) / 20 * 1000 * 0.9, "the rate holds");
});

Deno.test("edge: reading stops while max_in_flight is reached, and nothing is lost", async () => {
  await using server = await start("edge", { messages: { max_in_flight: 2 } });
  using client = await trial(server);
  for (let id = 0; id < 10; id++) {
    await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "trial.slow", params: { ms: 20 } }));
  }
  const seen: { id: number; atOnce: number }[] = [];
  for (let i = 0; i < 10; i++) {
    const { id, result } = await nextAnswer(client);
    seen.push({ id: id as number, atOnce: (result as { atOnce: number }).atOnce });
  }
  assertEquals(seen.map(({ id }) => id).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(Math.max(...seen.map(({ atOnce }) => atOnce)), 2);
});

Deno.test("serve: a call over max_in_flight is -32004", async () => {
  await using server = await start("serve", { messages: { max_in_flight: 2 } });
  using client = await trial(server);
  for (let id = 0; id < 3; id++) {
    await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "trial.slow", params: { ms: 200 } }));
  }
  const first = await nextAnswer(client);
  assertEquals([first.id, first.error?.code], [2, -32004]);
});

Deno.test("edge: reading stops while max_in_flight raw frames are worked on, and all are answered before the close", async () => {
  await using server = await start("edge", { messages: { max_in_flight: 2 } });
  using client = await join(server, { subprotocol: "slow.raw.v1" });
  for (const frame of ["a", "b", "c", "d"]) await client.text(frame);
  const answers: string[] = [];
  for (let i = 0; i < 4; i++) answers.push(await client.nextText());
  assertEquals(answers.map((answer) => answer[0]), ["a", "b", "c", "d"]);
  assertEquals(answers.map((answer) => answer.slice(2)).sort().at(-1), "2");
  await client.send(concat(frame({ opcode: 1, payload: "e" }), frame({ opcode: 8, payload: closePayload(1000) })));
  assertEquals(await client.nextText(), "e 1");
  assertEquals((await client.nextClose()).code, 1000);
});

Deno.test("serve: a raw frame over max_in_flight is refused", async () => {
  await using server = await start("serve", { messages: { max_in_flight: 2 } });
  using client = await join(server, { subprotocol: "slow.raw.v1" });
  for (const frame of ["a", "b", "c"]) await client.text(frame);
  const line = await server.logged("message.rejected");
  assertEquals([line.reason, line.user, line.method], ["overloaded", "ann", "message"]);
  assertEquals([await client.nextText(), await client.nextText()], ["a 1", "b 2"]);
});

Deno.test("edge: protocol errors close with their codes, and are logged", async (t) => {
  await using server = await start("edge", {
    limits: { max_violations: 5, connection: { rate: 1, burst: 2, bytes_rate: "1MiB", bytes_burst: "1MiB" } },
  });
  await t.step("1007 invalid UTF-8", async () => {
    using client = await trial(server);
    await client.frame({ opcode: 1, payload: new Uint8Array([0xc0, 0x80]) });
    assertEquals((await client.nextClose()).code, 1007);
    await server.logged("message.rejected", (line) => line.reason === "invalid_utf8");
  });
  await t.step("1002 unmasked (GHSA-rhh8-5xw9-c3gm)", async () => {
    using client = await trial(server);
    await client.frame({ opcode: 1, payload: "x", mask: null });
    assertEquals((await client.nextClose()).code, 1002);
    await server.logged("message.rejected", (line) => line.reason === "protocol_error");
  });
  await t.step("1009 from the header of a frame of 2^63 bytes", async () => {
    using client = await trial(server);
    await client.send(new Uint8Array([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]));
    assertEquals((await client.nextClose()).code, 1009);
  });
  await t.step("1008 too_many_fragments (CVE-2026-42786)", async () => {
    await using server = await start("edge", { messages: { max_fragments: 8 } });
    using client = await trial(server);
    await client.frame({ opcode: 1, payload: "x", fin: false });
    for (let i = 0; i < 8; i++) await client.frame({ opcode: 0, payload: "", fin: false });
    assertEquals(await client.nextClose(), { code: 1008, reason: "too_many_fragments" });
  });
  await t.step("1008 rate_limited for a flood of pings", async () => {
    using client = await trial(server, "pinger");
    const sending = (async () => {
      for (let i = 0; i < 500; i++) await client.frame({ opcode: 9, payload: "x" });
    })().catch(() => {});
    let close;
    while (!close) {
      const frame = await client.nextFrame();
      if (frame.opcode === 8) close = frame;
    }
    await sending;
    assertEquals(new TextDecoder().decode(close.payload.subarray(2)), "rate_limited");
  });
});
