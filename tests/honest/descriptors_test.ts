/** The server without file descriptors, and when there are some again. */
import { assertEquals } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { type ServerOptions, signToken, startServer, type TestServer } from "../helpers/test_server.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { canTakeDescriptors, processesOf, takeDescriptors } from "./processes.ts";
import { until } from "../helpers/until.ts";

const DOORS = ["edge on TCP", "edge on a unix socket", "serve"] as const;
const DEADLINE_MS = 20_000;
const NEEDS = { prlimit: await canTakeDescriptors() };

/** A server with one door for clients, and one for operators. */
interface House {
  readonly server: TestServer;
  dial(): Promise<RawClient>;
}

async function open(door: typeof DOORS[number], dir: string, options: ServerOptions = {}): Promise<House> {
  const unix = `${dir}/front.sock`;
  const listen = door === "edge on a unix socket"
    ? { host: undefined, port: undefined, unix }
    : { host: "127.0.0.1", max_connections_per_ip: 5000 };
  const server = await startServer({
    ...options,
    dir,
    engine: door === "serve" ? "serve" : "edge",
    handlers: [{ subprotocol: "echo.v1", module: "examples/echo/echo.ts" }],
    config: { server: listen, tls: undefined, ops: { host: "127.0.0.1", port: 0 }, log: { level: "info" } },
  });
  const dial = () => RawClient.connect(door === "edge on a unix socket" ? { unix } : { port: server.port });
  return { server, dial };
}

async function join({ server, dial }: House, user: string): Promise<RawClient> {
  const client = await dial();
  const { status, body } = await client.upgrade("/ws", {
    origin: server.origin,
    authorization: `Bearer ${signToken(user)}`,
    "sec-websocket-protocol": "echo.v1",
  });
  assertEquals(status, 101, body);
  return client;
}

async function echo(client: RawClient): Promise<void> {
  await client.text('{"jsonrpc":"2.0","id":1,"method":"session.whoami"}');
  assertEquals(JSON.parse(await client.nextText(DEADLINE_MS)).id, 1);
}

/** Connections that say nothing, as many as come about within a moment. */
async function flood(house: House, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  const dialled = Array.from({ length: count }, () => house.dial().then((client) => clients.push(client), () => {}));
  await Promise.race([Promise.all(dialled), new Promise((resolve) => setTimeout(resolve, 500))]);
  return clients;
}

/** The status of an operators' route; 0 when there is no answer. */
async function ask({ server }: House, path: string): Promise<number> {
  try {
    const response = await fetch(server.opsUrl + path, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}

const comesIn = (house: House, user: string) =>
  join(house, user).then(async (client) => {
    using _ = client;
    await echo(client);
    return true;
  }, () => false);

const count = ({ server }: House, event: string) => server.log.filter((line) => line.event === event).length;

for (const door of DOORS) {
  Deno.test(optional(NEEDS, `${door}: descriptors are taken away and given back, twice`, async () => {
    const dir = await Deno.makeTempDir();
    const house = await open(door, dir);
    try {
      using honest = await join(house, "ann");
      for (const round of [1, 2]) {
        await echo(honest);
        const giveBack = await takeDescriptors(await processesOf(house.server.pid), 3);
        const silent = await flood(house, 60);
        // Scrapes of a moment without descriptors may fail; they end nothing.
        for (const path of ["/metrics", "/readyz", "/healthz"]) await ask(house, path);
        await house.server.logged("descriptors.exhausted");
        await echo(honest);
        for (const client of silent) client.close();
        await giveBack();
        await until(() => comesIn(house, `bob${round}`), `round ${round}: a client to be let in again`);
        await until(async () => await ask(house, "/readyz") === 200, "ready");
        await until(() => Promise.resolve(count(house, "descriptors.recovered") === round), "the recovery");
        assertEquals(count(house, "descriptors.exhausted"), round);
      }
    } finally {
      await house.server.stop();
      await Deno.remove(dir, { recursive: true });
    }
  }));

  Deno.test(optional(NEEDS, `${door}: operators are served during a flood against a low limit`, async () => {
    const dir = await Deno.makeTempDir();
    const house = await open(door, dir, { descriptors: 200 });
    try {
      using honest = await join(house, "ann");
      const { what } = await house.server.logged("limits.exceed_system");
      assertEquals(/^10,000 connections need about 11,128 open files/.test(String(what)), true, String(what));
      assertEquals(count(house, "limits.exceed_system"), 1);
      const silent = await flood(house, 400);
      for (const path of ["/metrics", "/healthz"]) {
        await until(async () => await ask(house, path) === 200, `${path} during the flood`);
      }
      await echo(honest);
      for (const client of silent) client.close();
      await until(() => comesIn(house, "bob"), "a client to be let in again");
      await until(async () => await ask(house, "/readyz") === 200, "ready");
    } finally {
      await house.server.stop();
      await Deno.remove(dir, { recursive: true });
    }
  }));
}
