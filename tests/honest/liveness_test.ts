/** No client is closed as idle for delays of the server or the network. */
import { assert, assertEquals } from "../assert.ts";
import { join } from "../helpers/client.ts";
import { startServer } from "../helpers/test_server.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { processesOf } from "./processes.ts";

const handlers = [
  { subprotocol: "echo.v1", module: "examples/echo/echo.ts" },
  { subprotocol: "echo.raw.v1", module: "examples/echo/raw.ts" },
];

/** The id of the next answer; pings before it are answered, anything else fails. */
async function nextId(client: RawClient): Promise<unknown> {
  for (;;) {
    const { opcode, payload } = await client.nextFrame(20_000);
    if (opcode === 9) await client.frame({ opcode: 10, payload });
    else if (opcode === 1) return JSON.parse(new TextDecoder().decode(payload)).id;
    else throw new Error(`Expected an answer, got opcode ${opcode}: ${new TextDecoder().decode(payload)}`);
  }
}

Deno.test("a server that stood still longer than idle_timeout reads first what waits, and closes no client", async () => {
  await using server = await startServer({
    handlers,
    config: { server: { host: "localhost", ping_interval: "1s", idle_timeout: "2s" } },
  });
  using client = await join(server);
  const processes = await processesOf(server.pid);
  for (const pid of processes) Deno.kill(pid, "SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await client.text('{"jsonrpc":"2.0","id":7,"method":"session.whoami"}');
  } finally {
    for (const pid of processes) Deno.kill(pid, "SIGCONT");
  }
  assertEquals(await nextId(client), 7);
  await client.text('{"jsonrpc":"2.0","id":8,"method":"session.whoami"}');
  assertEquals(await nextId(client), 8);
  assert(!server.log.some(({ event }) => event === "connection.closed"), "a client was closed");
});

Deno.test("a slow link: a ping behind data waits for as long as the client takes it", async () => {
  await using server = await startServer({
    handlers,
    config: {
      server: { host: "localhost", ping_interval: "500ms", send_queue: "4MiB" },
      messages: { max_bytes: "1MiB" },
      limits: {
        handshake: { rate: 10_000, burst: 10_000 },
        connection: { rate: 50, burst: 100, bytes_rate: "8MiB", bytes_burst: "8MiB" },
        adaptive: false,
      },
    },
  });
  using client = await join(server, { subprotocol: "echo.raw.v1" });
  const size = 200_000;
  for (let index = 0; index < 4; index++) await client.text("x".repeat(size));
  // Far longer than two intervals; what comes is read in small pieces, so that pings stay behind it.
  const connection = client.connection;
  const piece = new Uint8Array(16 * 1024);
  let received = 0;
  while (received < 4 * size) {
    const count = await connection.read(piece);
    assert(count !== null, `the connection ended after ${received} bytes`);
    received += count;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(server.log.filter(({ event }) => event === "connection.closed"), []);
});

Deno.test("a client that answers no ping is closed 4408 idle within two intervals, and more", async () => {
  await using server = await startServer({
    handlers,
    config: { server: { host: "localhost", ping_interval: "500ms" } },
  });
  using silent = await join(server);
  const { code, reason, duration_ms } = await server.logged("connection.closed");
  assertEquals([code, reason], [4408, "idle"]);
  assert(Number(duration_ms) >= 1_000, `after ${duration_ms} ms`);
  assertEquals((await silent.nextFrame()).opcode, 9);
  assertEquals(await silent.nextClose(), { code: 4408, reason: "idle" });
});

Deno.test("reading that the server paused is no silence of the client", async () => {
  await using server = await startServer({
    handlers,
    config: {
      server: { host: "localhost", ping_interval: "300ms", idle_timeout: "1s" },
      limits: {
        handshake: { rate: 10_000, burst: 10_000 },
        connection: { rate: 0.25, burst: 1, bytes_rate: "256KiB", bytes_burst: "1MiB" },
        on_exceed: "delay",
        adaptive: false,
      },
    },
  });
  using client = await join(server);
  // The second waits four seconds for its token, and nothing is read in that time.
  for (const id of [1, 2]) await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "session.whoami" }));
  assertEquals([await nextId(client), await nextId(client)], [1, 2]);
});
