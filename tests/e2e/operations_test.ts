/** The work of operators: a rolling restart, a module that won't start, overload, metrics under attack. */
import { HANDSHAKE_REASONS, MESSAGE_RESULTS } from "../../lib/gate/outcomes.ts";
import { LIMIT_SCOPES, RESTART_CAUSES } from "../../lib/telemetry/telemetry.ts";
import { assert, assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { parseScrape, type Sample, value } from "../helpers/prometheus.ts";
import { call, connectTo, goodHeaders, handshake, join } from "../helpers/client.ts";
import { RollingClient } from "./rolling_client.ts";
import { until } from "../helpers/until.ts";

const OPS = { host: "127.0.0.1", port: 0 };
const TRIALS = [{ subprotocol: "trials.v1", module: "tests/e2e/modules/trials.ts", cells: 1, timeout: "5m" }];
const PLENTY = { rate: 1e6, burst: 1e6 };
const NO_LIMITS = {
  handshake: PLENTY,
  ip: PLENTY,
  user: PLENTY,
  connection: { ...PLENTY, bytes_rate: "1GiB", bytes_burst: "1GiB" },
};

async function scrape(server: TestServer): Promise<{ text: string; samples: Sample[] }> {
  const text = await (await fetch(`${server.opsUrl}/metrics`)).text();
  return { text, samples: parseScrape(text).samples };
}

async function readiness(server: TestServer): Promise<{ status: number; conditions: Record<string, boolean> }> {
  const response = await fetch(`${server.opsUrl}/readyz`);
  return { status: response.status, conditions: (await response.json()).conditions };
}

Deno.test("a rolling restart under load, two processes on one port, loses no acknowledged message", async () => {
  const options = (port: number) => ({
    handlers: TRIALS,
    config: { server: { port, reuse_port: true }, limits: NO_LIMITS, ops: OPS },
  });
  await using first = await startServer(options(0));
  const connect = (user: string) => join(first, { subprotocol: "trials.v1", user });
  const clients = Array.from({ length: 8 }, (_, i) => new RollingClient(`client${i}`, connect));
  const connections = async (server: TestServer) => value((await scrape(server)).samples, "sallyport_connections")!;
  await until(() => clients.every(({ acknowledged }) => acknowledged >= 20), "every client is under way");
  await using second = await startServer(options(first.port));
  assertEquals(second.port, first.port);
  assertEquals([await connections(first), await connections(second)], [8, 0]);

  first.signal("SIGTERM");
  await first.logged("drain.started");
  // The first still answers what it has, but all that is new goes to the second.
  for (let i = 0; i < 20; i++) {
    using client = await connectTo(second);
    assertEquals((await client.upgrade("/ws", goodHeaders(second, { subprotocol: "trials.v1" }))).status, 101);
  }
  assertEquals((await first.exited()).code, 0);
  await until(async () => await connections(second) === 8, "all clients are with the second");
  const before = clients.map(({ acknowledged }) => acknowledged);
  await until(() => clients.every((client, i) => client.acknowledged >= before[i]! + 20), "all go on");
  for (const client of clients) await client.stop();

  let [again, unanswered] = [0, 0];
  for (const client of clients) {
    assertEquals(client.wrong, []);
    assertEquals([...client.answered.keys()].sort(), [...client.sent.keys()].sort(), "every request has its answer");
    assert([...client.answered.values()].every((times) => times === 1), "none has two");
    again += [...client.sent.values()].reduce((sum, times) => sum + times, 0) - client.sent.size;
    unanswered += client.unanswered;
  }
  assertEquals(again, unanswered, "only what was unanswered at the close was sent again");
  assertEquals(clients.map(({ connections }) => connections), Array(8).fill(2), "each came back once");
  assertEquals(second.log.filter(({ event }) => event === "handshake.rejected"), []);
});

Deno.test("a port is shared only by servers that both want it", async () => {
  for (const reuse_port of [true, false]) {
    await using server = await startServer({ handlers: TRIALS, config: { server: { reuse_port } } });
    const other = { reuse_port: !reuse_port, port: server.port };
    const error = await startServer({ handlers: TRIALS, config: { server: other } })
      .then(() => "", (error: Error) => error.message);
    assert(/ended with [12]/.test(error), error || "it started");
  }
});

Deno.test("a module whose cells can't stay up shows in readiness, watchdog, metrics and log, until it can", async () => {
  const directory = await Deno.makeTempDir({ prefix: "sallyport-" });
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: `${directory}/notify` });
  let fed = 0;
  const reading = (async () => {
    for await (const [datagram] of socket) if (new TextDecoder().decode(datagram).includes("WATCHDOG=1")) fed++;
  })();
  try {
    const source = await Deno.readTextFile(new URL("./modules/mortal.ts", import.meta.url));
    const module = `${directory}/mortal.ts`;
    const write = (text: string) => Deno.writeTextFile(module, text);
    await write(source.replace("../../../lib/mod.ts", new URL("../../lib/mod.ts", import.meta.url).href));
    await using server = await startServer({
      handlers: [{ subprotocol: "mortal.v1", module, cells: 1, timeout: "1s" }, ...TRIALS],
      config: { ops: OPS },
      env: { NOTIFY_SOCKET: `${directory}/notify`, WATCHDOG_USEC: "100000", RUNTIME_DIRECTORY: directory },
    });
    const restarts = async () => {
      const { samples } = await scrape(server);
      const of = (module: string, cause: string) =>
        value(samples, "sallyport_handler_restarts_total", { module, cause });
      return { timeout: of("mortal.v1", "timeout"), crash: of("mortal.v1", "crash"), other: of("trials.v1", "crash") };
    };
    await until(() => fed >= 2, "the watchdog is fed");
    assertEquals((await readiness(server)).status, 200);
    assertEquals(await restarts(), { timeout: 0, crash: 0, other: 0 });
    using client = await join(server, { subprotocol: "mortal.v1" });
    assertEquals((await call(client, "mortal.live", {})).result, "alive");

    const good = await Deno.readTextFile(module);
    await write("throw new Error('a bad release');\n");
    assertEquals((await call(client, "mortal.die", {})).error?.code, -32005);
    await until(async () => (await readiness(server)).status === 503, "it is unready");
    const { conditions } = await readiness(server);
    const others = { listener: true, certificate: true, store: true, keys: true, not_draining: true };
    assertEquals(conditions, { ...others, cells: false });
    assertEquals((await call(client, "mortal.live", {})).error?.code, -32004);
    // The supervisor hears of it with the front's next sign of life.
    let starved = -1;
    await until(async () => {
      const before = fed;
      await new Promise((resolve) => setTimeout(resolve, 500));
      starved = fed;
      return starved === before;
    }, "the watchdog gets nothing for half a second");
    using other = await join(server, { subprotocol: "trials.v1" });
    assertEquals((await call(other, "trial.echo", { text: "x" })).result, { text: "x" }, "others go on");
    assertEquals(fed, starved, "the watchdog gets nothing");
    const counted = await restarts();
    assertEquals([counted.timeout, counted.other], [1, 0]);
    assert(counted.crash! >= 2, `${counted.crash}`);
    await server.logged("handler.timeout", ({ module }) => module === "mortal.v1");
    const failed = await server.logged("handler.failed", ({ cause }) => cause === "crash");
    assert(String(failed.detail).includes("a bad release"), JSON.stringify(failed));

    await write(good);
    await server.logged("handler.restarted", ({ module }) => module === "mortal.v1", 60_000);
    await until(async () => (await readiness(server)).status === 200, "it is ready");
    await until(() => fed > starved, "the watchdog is fed again");
    assertEquals((await call(client, "mortal.live", {})).result, "alive", "on the same connection");
  } finally {
    socket.close();
    await reading;
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an overloaded server refuses new handshakes, serves open sessions, and recovers by itself", async () => {
  await using server = await startServer({
    handlers: [...TRIALS, { subprotocol: "echo.v1", module: "examples/echo/echo.ts", cells: 1 }],
    config: {
      limits: { ...NO_LIMITS, adaptive: true },
      messages: { max_in_flight: 10_000 },
      server: { handshake_timeout: "1m", ping_interval: "10m" },
      ops: OPS,
    },
  });
  const subprotocol = "trials.v1";
  using there = await join(server, { subprotocol: "echo.v1", user: "there" });
  using busy = await join(server, { subprotocol, user: "busy" });
  // More than the queue of a cell may have, and a while to work it off.
  for (let i = 0; i < 8000; i++) {
    await busy.text(`{"jsonrpc":"2.0","id":${i},"method":"trial.work","params":{"ms":3}}`);
  }
  const started = await server.logged("overload.started", () => true, 60_000);
  assert((started.because as string[]).length > 0, JSON.stringify(started));
  const refused = await handshake(server, goodHeaders(server, { subprotocol }));
  assertEquals([refused.status, refused.body], [503, '{"error":"overloaded"}']);
  assert(Number(refused.headers.get("retry-after")) >= 1, String(refused.headers.get("retry-after")));
  assertEquals((await call(there, "echo", { text: "x" })).error, undefined);
  assertEquals((await readiness(server)).status, 200, "overload is no reason to be restarted");
  const { samples } = await scrape(server);
  assert(value(samples, "sallyport_handshakes_total", { result: "rejected", reason: "overloaded" })! >= 1);

  busy.close();
  await server.logged("overload.ended", () => true, 120_000);
  assertEquals((await handshake(server, goodHeaders(server, { subprotocol }))).status, 101);
});

Deno.test("calls that only wait are no load, in any number", async () => {
  const sessions = 100;
  await using server = await startServer({
    handlers: TRIALS,
    config: {
      limits: { ...NO_LIMITS, adaptive: true },
      server: { max_connections_per_ip: 2 * sessions, max_connections_per_user: sessions },
    },
  });
  const subprotocol = "trials.v1";
  const clients = await Promise.all(
    Array.from({ length: sessions }, (_, i) => join(server, { subprotocol, user: `user-${i % 5}` })),
  );
  // 6,400, more than the queue of a cell may have. The last of them is in the cell when the one behind it is answered.
  await Promise.all(clients.map(async (client) => {
    for (let id = 0; id < 63; id++) {
      await client.text(`{"jsonrpc":"2.0","id":${id},"method":"trial.hang","params":{}}`);
    }
    assertEquals((await call(client, "trial.echo", { text: "x" }, 99)).result, { text: "x" });
  }));
  // Twice as long as too much load needs to be noticed.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const reasons = server.log.filter(({ event }) => event === "overload.started").flatMap(({ because }) => because);
  assertEquals(reasons.includes("queue"), false);
  using newcomer = await join(server, { subprotocol, user: "newcomer" });
  assertEquals((await call(newcomer, "trial.echo", { text: "y" })).result, { text: "y" });
  for (const client of clients) client.close();
});

Deno.test("nothing clients send becomes a label: the metrics stay as small as they are", async () => {
  await using server = await startServer({
    handlers: TRIALS,
    config: { ops: OPS, limits: { ...NO_LIMITS, max_violations: 1e6 }, server: { max_connections_per_ip: 1e6 } },
  });
  const random = () => `zz${crypto.randomUUID().replaceAll("-", "")}`;
  const storm = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const subprotocol = "trials.v1";
      for (
        const headers of [
          goodHeaders(server, { subprotocol, headers: { origin: `https://${random()}.example.com` } }),
          goodHeaders(server, { subprotocol: random() }),
          goodHeaders(server, { subprotocol, token: random() }),
          goodHeaders(server, { subprotocol, token: server.token(random(), { ttl: -3600 }) }),
          goodHeaders(server, { subprotocol, headers: { [random()]: random(), "sec-websocket-version": "99" } }),
        ]
      ) assert((await handshake(server, headers)).status >= 400);
      assertEquals((await handshake(server, goodHeaders(server, { subprotocol }), `/${random()}`)).status, 404);
      using other = await connectTo(server);
      assert((await other.request("/ws", {}, { method: random().toUpperCase() })).status >= 400);
      using client = await join(server, { subprotocol, user: random(), token: server.token(random()) });
      assertEquals((await call(client, random(), {})).error?.code, -32601);
      assertEquals((await call(client, "trial.any", { [random()]: random() }, random())).result, true);
      assertEquals((await call(client, "trial.echo", { [random()]: random() })).error?.code, -32602);
      await client.text(random());
      assertEquals(JSON.parse(await client.nextText()).error.code, -32700);
    }
  };
  await storm(3);
  const before = await scrape(server);
  await storm(15);
  const after = await scrape(server);
  assert(!/zz[0-9a-f]{32}/i.test(after.text), "a client's word is in the metrics");
  assertEquals(after.text.split("\n").length, before.text.split("\n").length);
  const known: Record<string, readonly string[]> = {
    result: ["accepted", "rejected", ...MESSAGE_RESULTS],
    reason: HANDSHAKE_REASONS,
    direction: ["in", "out"],
    scope: LIMIT_SCOPES,
    module: ["trials.v1"],
    cause: RESTART_CAUSES,
  };
  for (const { name, labels } of after.samples) {
    for (const [label, text] of Object.entries(labels)) {
      if (["le", "version", "deno"].includes(label)) continue;
      assert(known[label]?.includes(text), `${name}: ${label}="${text}"`);
    }
  }
  assert(after.samples.length < 150, `${after.samples.length} samples`);
});
