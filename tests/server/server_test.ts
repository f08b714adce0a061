/** The server as a whole: start, reload, drain, end. */
import type { CellStarter } from "../../lib/sandbox/sandbox.ts";
import { startServer } from "../../lib/server/server.ts";
import { until } from "../helpers/until.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { InProcess } from "./in_process.ts";

const port = (place: InProcess) => Number(new URL(place.server.url).port);

/** Whether the port accepts a connection. */
async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("Server.reload() with a change that needs a restart changes nothing, and names the key", async () => {
  await using place = await InProcess.start();
  const { server } = place;
  const before = server.config;
  const next = {
    ...before,
    server: { ...before.server, max_connections: 7 },
    admission: { ...before.admission, origins: ["https://new.example"] },
  };
  const error = await assertRejects(() => server.reload(next), Error);
  assert(error.message.includes("server.max_connections"), error.message);
  assert(server.config === before && !server.origins.has("https://new.example"));
});

Deno.test("Server.reload() applies origins, limits and log level at once, to new handshakes", async () => {
  await using place = await InProcess.start();
  const { server } = place;
  const { config } = server;
  await server.reload({
    ...config,
    admission: { ...config.admission, origins: ["https://new.example"] },
    log: { ...config.log, level: "warn" },
  });
  assert(server.origins.has("https://new.example"));
  assertEquals(server.log.level, "warn");
  assertEquals(place.lines.filter(({ event }) => event === "config.reloaded").length, 1);
  using client = await place.connect();
  const { status, body } = await client.upgrade("/ws", place.headers("ann"), 20_000);
  assertEquals([status, JSON.parse(body)], [403, { error: "origin_not_allowed" }], "the old origin");
});

Deno.test("Server.reload() with a file that can't be read keeps the configuration and the keys", async () => {
  await using place = await InProcess.start();
  const { server } = place;
  const [before, verifier] = [server.config, server.verifier];
  const next = { ...before, auth: { ...before.auth, public_key_file: `${place.dir}/missing.pem` } };
  await assertRejects(() => server.reload(next), Error);
  assert(server.config === before && server.verifier === verifier);
});

Deno.test("Server.drain() refuses new handshakes with 503, ends sessions with 1001, and can be called twice", async () => {
  await using place = await InProcess.start({ config: { server: { drain_timeout: "2s" } } });
  const client = await place.connect();
  const upgraded = client.upgrade("/ws", place.headers("ann"), 20_000);
  await until(() => place.judging.length > 0, "the handshake being judged", 20_000);
  place.judging.pop()!.accept();
  assertEquals((await upgraded).status, 101);
  const drained = Promise.all([place.server.drain(), place.server.drain()]);
  assertEquals([place.server.listening, await place.server.accepts()], [false, false]);
  using late = await place.connect();
  const { status, body, headers } = await late.upgrade("/ws", place.headers("bob"), 20_000);
  assertEquals([status, JSON.parse(body)], [503, { error: "draining" }]);
  assert(Number(headers.get("retry-after")) >= 1);
  await drained;
  await until(() => place.server.registry.size === 0, "the end of the session", 20_000);
  const { code, reason } = place.lines.find(({ event }) => event === "connection.closed")!;
  assertEquals([code, reason], [1001, "draining"]);
  client.close();
});

Deno.test("Server.close() frees the port, and can be called twice", async () => {
  await using place = await InProcess.start();
  const used = port(place);
  assertEquals(await accepts(used), true);
  await Promise.all([place.server.close(), place.server.close()]);
  assertEquals(await accepts(used), false);
});

Deno.test("startServer() that fails leaves no listener, and the same port can be used again", async () => {
  await using first = await InProcess.start();
  const { config, log } = first.server;
  const taken = { ...config, server: { ...config.server, port: port(first) } };
  let ended = 0;
  const start = () =>
    startServer({
      config: taken,
      log,
      cells: {} as CellStarter,
      startSandbox: () => Promise.resolve({ modules: new Map(), close: () => Promise.resolve(void ended++) }),
    });
  await assertRejects(start, Error);
  assertEquals(ended, 1, "what was started before the listener has been ended");
  await first.server.close();
  const second = await start();
  assertEquals(await accepts(port(first)), true);
  await second.close();
});
