/** An IPv6 address counts by its /64, which is what one customer gets: for the cap of connections and for messages. */
import { assert, assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { RawClient, RawClientError } from "../helpers/raw_client.ts";
import { call, type Engine, ENGINES, goodHeaders } from "../helpers/client.ts";

const PLENTY = { rate: 1e6, burst: 1e6 };

function start(engine: Engine, server: Record<string, unknown>, limits: Record<string, unknown> = {}) {
  return startServer({
    engine,
    config: {
      server: { host: "127.0.0.1", port: 0, engine, trusted_proxies: ["127.0.0.0/8"], ...server },
      tls: undefined,
      limits: {
        handshake: PLENTY,
        user: PLENTY,
        connection: { ...PLENTY, bytes_rate: "1MiB", bytes_burst: "1MiB" },
        adaptive: false,
        ...limits,
      },
    },
  });
}

/** A client that a trusted proxy says comes from `ip`, let in; else why it was not. */
async function from(server: TestServer, ip: string): Promise<RawClient | string> {
  const client = await RawClient.connect({ port: server.port });
  try {
    const headers = { ...goodHeaders(server, { user: crypto.randomUUID() }), "x-forwarded-for": ip };
    const { status, body } = await client.upgrade("/ws", headers, 20_000);
    if (status === 101) return client;
    client.close();
    return `${status} ${JSON.parse(body).error}`;
  } catch (error) {
    client.close();
    if (error instanceof RawClientError && error.kind === "ended") return "closed";
    throw error;
  }
}

async function inside(server: TestServer, ip: string): Promise<RawClient> {
  const client = await from(server, ip);
  assert(client instanceof RawClient, `${ip}: ${client}`);
  return client;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: max_connections_per_ip holds for a whole /64, and for no other`, async () => {
    await using server = await start(engine, { max_connections_per_ip: 2 });
    using first = await inside(server, "2001:db8:1:2::1");
    using _second = await inside(server, "2001:db8:1:2:ffff:ffff:ffff:ffff");
    for (const ip of ["2001:db8:1:2::3", "2001:0DB8:0001:0002::1", "2001:db8:1:2::1"]) {
      const refused = await from(server, ip);
      assert(refused === "429 too_many_connections" || refused === "closed", `${ip}: ${refused}`);
    }
    using _neighbour = await inside(server, "2001:db8:1:3::1");
    using _other = await inside(server, "2001:db8:1:1:ffff:ffff:ffff:ffff");
    using _old = await inside(server, "192.0.2.1");
    // A place that is given back is free for any address of the /64.
    await first.sendClose(1000);
    await first.nextClose();
    first.close();
    await server.logged("connection.closed", ({ code }) => code === 1000);
    let again = await from(server, "2001:db8:1:2::4");
    for (let attempt = 0; typeof again === "string" && attempt < 100; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 50)); // the connection ends after its session
      again = await from(server, "2001:db8:1:2::4");
    }
    assert(again instanceof RawClient, `${again}`);
    again.close();
  });

  Deno.test(`${engine}: the messages of a /64 are counted together, and those of no other with them`, async () => {
    // One token comes back in 1,000 seconds.
    await using server = await start(engine, {}, { ip: { rate: 0.001, burst: 6 } });
    const codes = async (client: RawClient, count: number) => {
      const seen: (number | undefined)[] = [];
      for (let id = 0; id < count; id++) seen.push((await call(client, "session.whoami", {}, id)).error?.code);
      return seen;
    };
    const [ok, limited] = [undefined, -32001];
    using first = await inside(server, "2001:db8:1:2::1");
    using second = await inside(server, "2001:db8:1:2:ffff::1");
    using neighbour = await inside(server, "2001:db8:1:3::1");
    assertEquals(await codes(first, 4), [ok, ok, ok, ok]);
    assertEquals(await codes(second, 3), [ok, ok, limited]);
    assertEquals(await codes(first, 1), [limited]);
    assertEquals(await codes(neighbour, 6), [ok, ok, ok, ok, ok, ok]);
    using third = await inside(server, "2001:db8:1:2::3");
    assertEquals(await codes(third, 1), [limited]);
  });
}
