/** The drain of a server: its messages to clients, and the requests that it refuses. */
import { assert, assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import {
  type Answer,
  call,
  type Engine,
  ENGINES,
  goodHeaders,
  handshake,
  join,
  nextAnswer,
} from "../helpers/client.ts";

const SUBPROTOCOL = "trials.v1";
const MODULE = { subprotocol: SUBPROTOCOL, module: "tests/e2e/modules/trials.ts", cells: 1 };
const HANG = '{"jsonrpc":"2.0","id":"held","method":"trial.hang","params":{}}';

interface Options {
  readonly engine: Engine;
  readonly drainTimeout: string;
  /** Of a call, which `trial.hang` takes. */
  readonly timeout: string;
  /** Another process may take the new connections. */
  readonly reusePort?: boolean;
}

function start({ engine, drainTimeout, timeout, reusePort = false }: Options): Promise<TestServer> {
  return startServer({
    engine,
    handlers: [{ ...MODULE, timeout }, { subprotocol: "echo.raw", module: "examples/echo/raw.ts" }],
    config: {
      server: {
        host: "localhost",
        port: 0,
        engine,
        drain_timeout: drainTimeout,
        max_connections_per_user: 100,
        reuse_port: reusePort,
      },
      ops: { host: "127.0.0.1", port: 0 },
    },
  });
}

/** A client with a call in flight, so that its session does not end at once. */
async function holder(server: TestServer, user = "holder"): Promise<RawClient> {
  const client = await join(server, { subprotocol: SUBPROTOCOL, user });
  await client.text(HANG);
  await call(client, "trial.echo", { text: "the one before is in its cell" });
  return client;
}

async function readiness(server: TestServer) {
  const response = await fetch(`${server.opsUrl}/readyz`);
  const { ready, conditions } = await response.json();
  return { status: response.status, ready, not_draining: conditions.not_draining };
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a draining server refuses handshakes with 503 draining, and is not ready`, async () => {
    await using server = await start({ engine, drainTimeout: "1m", timeout: "5m" });
    using _client = await holder(server);
    const headers = goodHeaders(server, { subprotocol: SUBPROTOCOL });
    assertEquals(await readiness(server), { status: 200, ready: true, not_draining: true });
    assertEquals((await handshake(server, headers)).status, 101);
    server.signal("SIGTERM");
    await server.logged("drain.started");
    const refused = await handshake(server, headers);
    assertEquals([refused.status, JSON.parse(refused.body)], [503, { error: "draining" }]);
    assert(Number(refused.headers.get("retry-after")) >= 1, `Retry-After: ${refused.headers.get("retry-after")}`);
    assertEquals(await readiness(server), { status: 503, ready: false, not_draining: false });
    // The origin is judged before anything else: a foreign page does not learn that the server drains.
    const foreign = await handshake(server, { ...headers, origin: "https://evil.example.com" });
    assertEquals(foreign.status, 403);
    await server.logged("handshake.rejected", ({ reason, status }) => reason === "draining" && status === 503);
  });

  Deno.test(`${engine}: a drain spreads the clients' return at random`, async () => {
    await using server = await start({ engine, drainTimeout: "10s", timeout: "5m" });
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, index) => join(server, { subprotocol: SUBPROTOCOL, user: `user-${index}` })),
    );
    server.signal("SIGTERM");
    const times = await Promise.all(clients.map(async (client) => {
      const { method, params } = await nextAnswer(client);
      assertEquals(method, "session.reconnect");
      assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
      client.close();
      return Number(params?.after_ms);
    }));
    assert(times.every((time) => Number.isInteger(time) && time >= 0), `${times}`);
    // Forty times at random within some seconds: that all lie in one half of them happens once in 10^11 runs.
    const last = Math.max(...times);
    assert(last > 1_000, `all come back within ${last} ms`);
    const early = times.filter((time) => time < last / 2).length;
    assert(early > 0 && early < 40, `${early} of 40 come back in the first half: ${times}`);
    assert(new Set(times).size > 20, `${times}`);
    assertEquals((await server.exited()).code, 0);
  });

  Deno.test(`${engine}: a drain ends in its time with clients that don't answer, don't close, or don't read`, async () => {
    const drainTimeoutMs = 4_000;
    await using server = await start({ engine, drainTimeout: `${drainTimeoutMs}ms`, timeout: "5m" });
    using held = await holder(server);
    // Neither of the two ever sends a close frame.
    using idle = await join(server, { subprotocol: SUBPROTOCOL, user: "idle" });
    server.signal("SIGTERM");
    assertEquals((await nextAnswer(idle)).method, "session.reconnect");
    assertEquals(await idle.nextClose(20_000), { code: 1001, reason: "draining" });
    assertEquals((await nextAnswer(held)).method, "session.reconnect");
    assertEquals(await held.nextClose(20_000), { code: 1001, reason: "draining" });
    await Promise.all([idle.closed(20_000), held.closed(20_000)]);
    assertEquals((await server.exited()).code, 0);
    const { duration_ms } = await server.logged("drain.finished");
    // The call that is held would take five minutes; a busy machine may take some seconds more than the drain.
    assert(Number(duration_ms) < drainTimeoutMs * 5, `${duration_ms} ms`);
    assert(Number(duration_ms) > drainTimeoutMs * 0.7, `the call in flight had no time: ${duration_ms} ms`);
    const ended = server.log.filter(({ event }) => event === "connection.closed").map(({ user, code }) => [user, code]);
    assertEquals(ended.sort(), [["holder", 1001], ["idle", 1001]]);
  });
}

Deno.test("edge: a draining server reads nothing more from its clients, and answers what it has read", async () => {
  await using server = await start({ engine: "edge", drainTimeout: "1m", timeout: "2s" });
  using client = await holder(server);
  server.signal("SIGTERM");
  assertEquals((await nextAnswer(client)).method, "session.reconnect");
  await client.text('{"jsonrpc":"2.0","id":"late","method":"trial.echo","params":{"text":"x"}}');
  await client.frame({ opcode: 9, payload: "late" });
  const rest: (Answer | string)[] = [];
  for (;;) {
    const { opcode, payload } = await client.nextFrame(30_000);
    if (opcode === 8) break;
    rest.push(opcode === 1 ? JSON.parse(new TextDecoder().decode(payload)) : `opcode ${opcode}`);
  }
  assertEquals(rest.map((answer) => typeof answer === "string" ? answer : [answer.id, answer.error?.code]), [
    ["held", -32005],
  ]);
  await client.sendClose(1001);
  const closed = await server.logged("connection.closed");
  assertEquals([closed.code, closed.messages_in], [1001, 2]);
  assertEquals((await server.exited()).code, 0);
});

Deno.test("edge: where another process takes over, a session is served until its client has moved", async () => {
  await using server = await start({ engine: "edge", drainTimeout: "1h", timeout: "5m", reusePort: true });
  using mover = await join(server, { subprotocol: SUBPROTOCOL, user: "mover" });
  using holding = await holder(server);
  server.signal("SIGTERM");
  const { method, params } = await nextAnswer(mover);
  assertEquals(method, "session.reconnect");
  const { after_ms, serves_ms } = params as { after_ms: number; serves_ms: number };
  assert(serves_ms > after_ms && serves_ms <= 0.6 * 3_600_000, JSON.stringify(params));
  const { result } = await call(mover, "trial.echo", { text: "still here" });
  assertEquals(result, { text: "still here" });
  await mover.sendClose(1000);
  await server.logged("connection.closed", ({ user, code }) => user === "mover" && code === 1000);
  await holding.sendClose(1000);
  // Long before the hour: nothing is waited for once all have moved.
  assertEquals((await server.exited()).code, 0);
});

Deno.test("edge: where another process takes over, a client that does not move is closed in time, told or not", async () => {
  const drainTimeoutMs = 10_000;
  await using server = await start({
    engine: "edge",
    drainTimeout: `${drainTimeoutMs}ms`,
    timeout: "5m",
    reusePort: true,
  });
  using idle = await join(server, { subprotocol: SUBPROTOCOL, user: "idle" });
  using raw = await join(server, { subprotocol: "echo.raw", user: "raw" });
  using held = await holder(server);
  server.signal("SIGTERM");
  const { params } = await nextAnswer(idle);
  const told = performance.now();
  assertEquals(await idle.nextClose(20_000), { code: 1001, reason: "draining" });
  const served = performance.now() - told;
  assert(served > Number(params?.serves_ms) - 100, `closed after ${served} ms: ${JSON.stringify(params)}`);
  assertEquals(await raw.nextClose(20_000), { code: 1001, reason: "draining" });
  assertEquals((await nextAnswer(held)).method, "session.reconnect");
  assertEquals(await held.nextClose(20_000), { code: 1001, reason: "draining" });
  for (const client of [idle, raw, held]) client.close();
  assertEquals((await server.exited()).code, 0);
  const { duration_ms } = await server.logged("drain.finished");
  // A busy machine may take some seconds more than the drain.
  assert(Number(duration_ms) < drainTimeoutMs * 2, `${duration_ms} ms`);
});
