/** Bans: of users for their messages, of addresses for their handshakes. */
import { assert, assertEquals } from "../assert.ts";
import type { TestServer } from "../helpers/test_server.ts";
import { RawClient, RawClientError, type RawResponse } from "../helpers/raw_client.ts";
import { ENGINES, goodHeaders, join } from "../helpers/client.ts";
import {
  assertAlive,
  assertClosed,
  connectAnyhow,
  operate,
  reasonOf,
  ROOMS,
  startRooms,
  tryHandshake,
} from "./modules/identity_kit.ts";
import { until } from "../helpers/until.ts";

/** The fourth message within a minute over the three that are free ends it. */
const STRICT = {
  handshake: { rate: 1_000, burst: 1_000 },
  connection: { rate: 0.01, burst: 3, bytes_rate: "1KiB", bytes_burst: "64KiB" },
  max_violations: 4,
  adaptive: false,
};
/** Room for one offence, as much as 20 handshakes, before they are counted. */
const FEW = { rate: 0.01, burst: 20 };
const LOCAL = ["127.0.0.0/8", "::1/128"];

interface Listed {
  readonly key: string;
  readonly until: string;
}

const enter = (server: TestServer, user: string) => join(server, { subprotocol: ROOMS.subprotocol, user });

const arrive = (server: TestServer, user: string): Promise<RawResponse | null> =>
  tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, user }));

async function bansOf(server: TestServer): Promise<Listed[]> {
  return (await operate(server, "GET", "/bans")).body.bans as Listed[];
}

/** A handshake with a forged token. */
function forge(server: TestServer): Promise<RawResponse | null> {
  return tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, token: "x.y.z" }));
}

/** One request, on a connection of its own. */
async function ask(server: TestServer, head: string, ...fields: string[]): Promise<void> {
  using client = await connectAnyhow(server);
  await client.send([head, "Host: localhost", "Connection: close", ...fields].join("\r\n") + "\r\n\r\n");
  await client.response();
}

/** One request as a browser sends it: by HTTP/2 where that is offered. */
async function fetchFrom(server: TestServer, path: string): Promise<void> {
  using client = Deno.createHttpClient({ caCerts: [server.caPem] });
  const response = await fetch(`https://localhost:${server.port}${path}`, { client });
  await response.body?.cancel();
  assert(response.status === 426 || response.status === 429, String(response.status));
}

/** Bytes to the port, without TLS. */
async function spill(server: TestServer, bytes: Uint8Array): Promise<void> {
  using client = await RawClient.connect({ port: server.port, hostname: "localhost" });
  await client.send(bytes);
  await client.closed();
}

/** A client that does not trust the server's certificate, and says so by an alert. */
async function distrust(server: TestServer): Promise<void> {
  const refused = await Deno.connectTls({ hostname: "localhost", port: server.port }).then(
    (connection) => connection.handshake().finally(() => connection.close()),
  ).then(() => null, (error: unknown) => error);
  assert(refused instanceof Deno.errors.InvalidData, String(refused));
}

/** A session that breaks the protocol by its first frame. */
async function misframe(server: TestServer): Promise<void> {
  using client = await enter(server, crypto.randomUUID());
  await client.frame({ opcode: 3, payload: "" });
  await client.nextClose();
}

/** The server may end a connection while it is being written to. */
function ended(error: unknown): void {
  const expected = error instanceof RawClientError
    ? error.kind === "ended"
    : error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.UnexpectedEof;
  if (!expected) throw error;
}

const text = (value: string) => new TextEncoder().encode(value);
const knock = (server: TestServer, headers: Record<string, string | null>, path = "/ws") =>
  tryHandshake(server, { ...goodHeaders(server, { subprotocol: ROOMS.subprotocol }), ...headers }, path);

type Sending = readonly (readonly [string, (server: TestServer) => Promise<unknown>])[];

/** Input that browsers and honest clients send, or foreign pages make browsers send. */
const HARMLESS: Sending = [
  ["sockets of a foreign page", (server) => knock(server, { origin: "https://evil.example", authorization: null })],
  ["sockets without origin", (server) => knock(server, { origin: null })],
  ["images of the path", (server) => ask(server, "GET /ws HTTP/1.1", "Referer: https://evil.example/")],
  ["images by HTTP/2, where it is offered", (server) => fetchFrom(server, "/ws")],
  ["images of other paths", (server) => ask(server, "GET /favicon.ico HTTP/1.1")],
  ["forms", (server) => ask(server, "POST /ws HTTP/1.1", "Origin: https://evil.example", "Content-Length: 0")],
  [
    "tickets for a foreign page",
    (server) => ask(server, "POST /ticket HTTP/1.1", "Origin: https://evil.example", "Content-Length: 0"),
  ],
  ["preflights of a foreign page", (server) => ask(server, "OPTIONS /ticket HTTP/1.1", "Origin: https://evil.example")],
  ["images with an endless query", (server) => ask(server, `GET /ws?${"a".repeat(17_000)} HTTP/1.1`)],
  [
    "sockets with an endless offer",
    (server) => knock(server, { origin: "https://evil.example", "sec-websocket-protocol": "a".repeat(17_000) }),
  ],
  ["images over plain HTTP", (server) => spill(server, text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))],
  ["STUN of a peer connection", (server) => spill(server, Uint8Array.of(0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42))],
  ["TLS alerts for a certificate that is not trusted", distrust],
  ["no token", (server) => knock(server, { authorization: null })],
  ["expired tokens", (server) => knock(server, { authorization: `Bearer ${server.token("ann", { ttl: -60 })}` })],
  ["used tickets", (server) => knock(server, { authorization: null }, `/ws?ticket=${"A".repeat(43)}`)],
  ["two tokens that differ", (server) => knock(server, {}, `/ws?ticket=${"A".repeat(43)}`)],
  ["a subprotocol of yesterday", (server) => knock(server, { "sec-websocket-protocol": "rooms.v0" })],
];

/** `serve` can't know, or answers itself. */
const EDGE_ONLY: ReadonlySet<string> = new Set([
  "images with an endless query",
  "sockets with an endless offer",
  "images over plain HTTP",
  "STUN of a peer connection",
  "TLS alerts for a certificate that is not trusted",
]);

/** Input that no browser and no correct client sends. */
const OFFENCES: Sending = [
  ["forged tokens", forge],
  ["malformed requests", (server) => ask(server, "GET /ws HTTP/1.0")],
  ["fields without end", (server) => ask(server, "GET /ws HTTP/1.1", `X-A: ${"a".repeat(17_000)}`)],
  ["too many fields", (server) => ask(server, "GET /ws HTTP/1.1", ...new Array(100).fill("A: b"))],
  ["bytes that are no TLS", (server) => spill(server, new Uint8Array(100).fill(0xee))],
  ["broken TLS records", (server) => spill(server, Uint8Array.of(0x16, 3, 1, 0xff, 0xff, 1, 0, 0, 1, 9))],
  ["broken frames", misframe],
];

/** How many handshakes were refused for that reason. */
async function count(server: TestServer, reason: string): Promise<number> {
  const metrics = await (await fetch(`${server.opsUrl}/metrics`)).text();
  return Number(metrics.match(`sallyport_handshakes_total{result="rejected",reason="${reason}"} (\\d+)`)?.[1] ?? 0);
}

/** Sends until the server has had enough. */
async function flood(client: RawClient): Promise<void> {
  for (let id = 0; id < 7; id++) {
    await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "room.echo", params: { text: "x" } }));
  }
  await assertClosed([client], 1008, "rate_limited");
}

/** Seconds of `Retry-After`, which must fit the end of a ban. */
function assertRetry(response: RawResponse | null, until: string): void {
  const seconds = Number(response?.headers.get("retry-after"));
  const left = (Date.parse(until) - Date.now()) / 1000;
  assert(seconds >= left && seconds <= left + 10, `Retry-After: ${seconds}, while ${left} s are left`);
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a user that violates the limits is banned`, async (t) => {
    await using server = await startRooms({ engine, config: { limits: { ...STRICT, ban: "1h" } } });
    using other = await enter(server, "flooder");
    using bystander = await enter(server, "bystander");

    await t.step("1008 rate_limited for the connection, 1008 banned for the user's others", async () => {
      using client = await enter(server, "flooder");
      await flood(client);
      await assertClosed([other], 1008, "banned");
      await assertAlive([bystander]);
      const line = await server.logged("ban.added");
      assertEquals([line.key, line.strikes, line.duration_ms], ["user:flooder", 1, 3_600_000]);
    });
    await t.step("429 banned with Retry-After, for a handshake and for a ticket", async () => {
      const [ban] = await bansOf(server);
      assertEquals(ban?.key, "user:flooder");
      const refused = await arrive(server, "flooder");
      assertEquals([refused?.status, reasonOf(refused)], [429, "banned"]);
      assertRetry(refused, ban!.until);
      assertEquals(reasonOf(await arrive(server, "bystander")), "(let in)");
      using client = await connectAnyhow(server);
      const headers = { origin: server.origin, authorization: `Bearer ${server.token("flooder")}` };
      const ticket = await client.request("/ticket", headers, { method: "POST", body: "" });
      assertEquals([ticket.status, reasonOf(ticket)], [429, "banned"]);
      assertRetry(ticket, ban!.until);
    });
    await t.step("a ban is lifted through the ops interface, its strikes forgotten", async () => {
      assertEquals((await operate(server, "DELETE", "/bans/user%3Aflooder")).status, 200);
      await server.logged("ban.expired", (line) => line.key === "user:flooder" && line.lifted === true);
      assertEquals(await bansOf(server), []);
      assertEquals((await operate(server, "DELETE", "/bans/user%3Aflooder")).status, 404);
      using client = await enter(server, "flooder");
      await flood(client);
      const again = await server.logged("ban.added", (line) => line !== server.log.find((l) => l.event === line.event));
      assertEquals([again.key, again.strikes], ["user:flooder", 1]);
    });
    await t.step("DELETE /bans lifts all", async () => {
      using second = await enter(server, "second");
      await flood(second);
      assertEquals((await bansOf(server)).map(({ key }) => key).sort(), ["user:flooder", "user:second"]);
      assertEquals((await operate(server, "DELETE", "/bans")).body, { lifted: 2 });
      assertEquals(reasonOf(await arrive(server, "flooder")), "(let in)");
    });
  });

  Deno.test(`${engine}: an address that sends forged tokens is banned, until it is lifted`, async (t) => {
    await using server = await startRooms({
      engine,
      config: { limits: { ...STRICT, handshake: FEW, max_violations: 6, ban: "1h" } },
    });
    using inside = await enter(server, "inside");

    await t.step("the sixth over what is bearable is the last one that is told what is wrong", async () => {
      const reasons: string[] = [];
      for (let i = 0; i < 8; i++) reasons.push(reasonOf(await forge(server)));
      assertEquals(reasons, [...new Array(7).fill("token_invalid"), "banned"]);
    });
    await t.step("a refusal of a banned address without a credential says until when", async () => {
      const [ban] = await bansOf(server);
      const without = { ...goodHeaders(server, { subprotocol: ROOMS.subprotocol }), authorization: null };
      for (const refused of [await forge(server), await tryHandshake(server, without)]) {
        assertEquals([refused?.status, reasonOf(refused)], [429, "banned"]);
        assertRetry(refused, ban!.until);
      }
      using client = await connectAnyhow(server);
      const health = await client.request("/healthz");
      assertEquals([health.status, reasonOf(health)], [429, "banned"]);
      assertRetry(health, ban!.until);
    });
    await t.step("open sessions stay, and valid credentials open new ones", async () => {
      await assertAlive([inside]);
      assertEquals(reasonOf(await arrive(server, "honest")), "(let in)");
      using browser = await connectAnyhow(server);
      const preflight = { origin: server.origin, "access-control-request-method": "POST" };
      assertEquals((await browser.request("/ticket", preflight, { method: "OPTIONS" })).status, 204);
      using buyer = await connectAnyhow(server);
      const headers = { origin: server.origin, authorization: `Bearer ${server.token("honest")}` };
      const bought = await buyer.request("/ticket", headers, { method: "POST", body: "" });
      assertEquals(bought.status, 200, bought.body);
      const path = `/ws?ticket=${JSON.parse(bought.body).ticket}`;
      const byTicket = { origin: server.origin, "sec-websocket-protocol": ROOMS.subprotocol };
      assertEquals(reasonOf(await tryHandshake(server, byTicket, path)), "(let in)");
    });
    await t.step("a token that was valid is told so, for its client can get another", async () => {
      const token = server.token("honest", { ttl: -60 });
      const answer = await tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, token }));
      assertEquals([answer?.status, reasonOf(answer)], [401, "token_expired"]);
    });
    await t.step("a crowd with valid credentials is let in at once", async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => arrive(server, `colleague ${i}`)));
      assertEquals(answers.map(reasonOf), new Array(40).fill("(let in)"));
    });
    if (engine === "edge") {
      const before = await count(server, "banned");
      await t.step("half of the address' connections are heard at once, others are closed before TLS", async () => {
        const silent = await Promise.all(Array.from({ length: 30 }, () => RawClient.connect({ port: server.port })));
        assertEquals(reasonOf(await arrive(server, "honest")), "(let in)");
        silent.push(
          ...await Promise.all(Array.from({ length: 40 }, () => RawClient.connect({ port: server.port }))),
        );
        await until(async () => await count(server, "banned") >= before + 20, "20 are closed unheard");
        for (const client of silent) client.close();
        await until(async () => reasonOf(await arrive(server, "honest")) === "(let in)", "the next is heard");
      });
    }
    await t.step("all that the server writes is JSON", () => assertEquals(server.noise, []));
    await t.step("it is listed, and lifted", async () => {
      const bans = await bansOf(server);
      assertEquals(bans.length, 1);
      const { key } = bans[0]!;
      assert(key === "ip:127.0.0.1" || key === "ip:::/64" || key === "ip:0:0:0:0::/64", key);
      assertEquals((await operate(server, "DELETE", `/bans/${encodeURIComponent(key)}`)).status, 200);
      assertEquals(reasonOf(await forge(server)), "token_invalid");
    });
  });

  Deno.test(`${engine}: nothing that an honest client or a foreign page sends bans the address`, async (t) => {
    await using server = await startRooms({
      engine,
      config: { limits: { ...STRICT, handshake: { rate: 0.01, burst: 60 }, ban: "1h" } },
    });
    using inside = await enter(server, "inside");
    for (const [name, send] of HARMLESS) {
      if (engine === "serve" && EDGE_ONLY.has(name)) continue;
      await t.step(name, async () => {
        for (let i = 0; i < 8; i++) await send(server).catch(ended);
        assertEquals(await bansOf(server), []);
      });
    }
    await assertAlive([inside]);
    assertEquals(reasonOf(await arrive(server, "honest")), "(let in)");
  });
}

for (const [name, send] of OFFENCES) {
  Deno.test(`edge: ${name} ban the address, close no session, and let valid tokens in`, async () => {
    await using server = await startRooms({ config: { limits: { ...STRICT, handshake: FEW, ban: "1h" } } });
    using inside = await enter(server, "inside");
    for (let i = 0; i < 5; i++) await send(server).catch(ended);
    await server.logged("ban.added", ({ key }) => String(key).startsWith("ip:"));
    await assertAlive([inside]);
    assertEquals(reasonOf(await arrive(server, "honest")), "(let in)");
  });
}

Deno.test("serve: an address over its connections is told when to come back", async () => {
  await using server = await startRooms({
    engine: "serve",
    config: { server: { engine: "serve", max_connections_per_ip: 1 } },
  });
  using _inside = await enter(server, "ann");
  const refused = await arrive(server, "bob");
  assertEquals([refused?.status, reasonOf(refused)], [429, "too_many_connections"]);
  assert(Number(refused?.headers.get("retry-after")) >= 1);
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: behind a trusted proxy the ban is the forwarded address', IPv6 by its /64`, async () => {
    await using server = await startRooms({
      engine,
      config: {
        server: { engine, host: "127.0.0.1", trusted_proxies: ["127.0.0.0/8"] },
        tls: undefined,
        limits: { ...STRICT, handshake: FEW, max_violations: 6, ban: "1h" },
      },
    });
    const from = (ip: string, token: string) => ({
      ...goodHeaders(server, { subprotocol: ROOMS.subprotocol, token }),
      "x-forwarded-for": ip,
    });
    const attempt = async (ip: string, token: string) => {
      const answer = await tryHandshake(server, from(ip, token));
      if (reasonOf(answer) === "banned") assertRetry(answer, (await bansOf(server))[0]!.until);
      return reasonOf(answer);
    };
    using neighbour = await connectAnyhow(server);
    assertEquals((await neighbour.upgrade("/ws", from("2001:db8::7", server.token("neighbour")))).status, 101);
    using stranger = await connectAnyhow(server);
    assertEquals((await stranger.upgrade("/ws", from("2001:db8:0:1::7", server.token("stranger")))).status, 101);

    // The attacker has a whole /64 and uses an address of it only once.
    let reason = "";
    let tries = 0;
    while (reason !== "banned" && tries < 100) reason = await attempt(`2001:db8::${(++tries).toString(16)}`, "x.y.z");
    assertEquals([reason, tries], ["banned", 8]);
    assertEquals((await bansOf(server)).map(({ key }) => key), ["ip:2001:db8:0:0::/64"]);
    assertEquals(await attempt("2001:db8::ffff:1:2:3", ""), "banned");
    assertEquals(await attempt("2001:db8::ffff:1:2:3", server.token("honest")), "(let in)");
    assertEquals(await attempt("2001:db8:0:1::1", ""), "token_missing");
    assertEquals(await attempt("192.0.2.1", server.token("honest")), "(let in)");
    await assertAlive([neighbour, stranger]);
    assertEquals((await operate(server, "DELETE", `/bans/${encodeURIComponent("ip:2001:db8::/64")}`)).status, 200);
    assertEquals(await bansOf(server), []);
  });

  Deno.test(`${engine}: a proxy is never banned for what it forwards`, async () => {
    for (const trusted_proxies of [["127.0.0.0/8"], []]) {
      await using server = await startRooms({
        engine,
        config: {
          server: { engine, host: "127.0.0.1", trusted_proxies },
          tls: undefined,
          limits: { ...STRICT, handshake: { rate: 0.01, burst: 5 }, max_violations: 3, ban: "1h" },
        },
      });
      using inside = await connectAnyhow(server);
      const headers = (user: string) => goodHeaders(server, { subprotocol: ROOMS.subprotocol, user });
      assertEquals((await inside.upgrade("/ws", headers("inside"))).status, 101);
      for (let i = 0; i < 20; i++) await forge(server);
      if (engine === "edge") { for (let i = 0; i < 5; i++) await ask(server, "GET / HTTP/1.0").catch(ended); }
      assertEquals(await bansOf(server), []);
      for (let i = 0; i < 10; i++) assertEquals(reasonOf(await arrive(server, `honest-${i}`)), "(let in)");
      await assertAlive([inside]);
    }
  });
}

Deno.test("violations are counted per user, over all of a user's connections", async () => {
  await using server = await startRooms({ config: { limits: { ...STRICT, ban: "1h" } } });
  const clients = [];
  for (let i = 0; i < 4; i++) clients.push(await enter(server, "spread"));
  for (const client of clients) {
    for (let id = 0; id < 4; id++) {
      await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "room.echo", params: { text: "x" } }));
    }
  }
  const closes = await Promise.all(clients.map(async (client) => (await client.nextClose(30_000)).reason));
  assertEquals(closes.sort(), ["banned", "banned", "banned", "rate_limited"]);
  for (const client of clients) client.close();
});

Deno.test("a reload keeps bans, and lifts those of addresses that are never to be banned", async () => {
  await using server = await startRooms({
    engine: "serve",
    config: { limits: { ...STRICT, handshake: FEW, ban: "1h" } },
  });
  using client = await enter(server, "flooder");
  await flood(client);
  for (let i = 0; i < 5; i++) await forge(server);
  const keys = async () => (await bansOf(server)).map(({ key }) => key.split(":")[0]).sort();
  assertEquals(await keys(), ["ip", "user"]);
  const reload = async (text: string) => {
    const lines = () => server.log.filter(({ event }) => event === "config.reloaded").length;
    const before = lines();
    await Deno.writeTextFile(server.configFile, text);
    server.signal("SIGHUP");
    await server.logged("config.reloaded", () => lines() > before);
  };
  const text = await Deno.readTextFile(server.configFile);
  await reload(text.replace('ban = "1h"', 'ban = "2h"'));
  assertEquals(await keys(), ["ip", "user"]);
  await reload(text.replace('ban = "1h"', 'ban = "1h"\nnever_ban = ["127.0.0.0/8", "::1/128"]'));
  assertEquals(await keys(), ["user"]);
});

Deno.test("a second ban in a row is twice as long", async () => {
  await using server = await startRooms({ config: { limits: { ...STRICT, ban: "500ms" } } });
  const seen: [number, number][] = [];
  for (const strikes of [1, 2, 3]) {
    using client = await enter(server, "flooder");
    await flood(client);
    const { key, duration_ms } = await server.logged("ban.added", (line) => line.strikes === strikes);
    assertEquals(key, "user:flooder");
    seen.push([strikes, Number(duration_ms)]);
    const until = (await server.logged("ban.added", (line) => line.strikes === strikes)).until;
    if (strikes === 3) break;
    await server.logged("ban.expired", (line) => line.until === until);
  }
  assertEquals(seen, [[1, 500], [2, 1_000], [3, 2_000]]);
});

Deno.test("an address of never_ban is not banned, though limits hold there too", async () => {
  await using server = await startRooms({
    config: {
      limits: { ...STRICT, handshake: { rate: 0.01, burst: 25 }, max_violations: 4, ban: "1h", never_ban: LOCAL },
    },
  });
  using other = await enter(server, "flooder");
  using client = await enter(server, "flooder");
  await flood(client);
  await assertAlive([other]);
  assertEquals(reasonOf(await arrive(server, "flooder")), "(let in)");
  const reasons: string[] = [];
  for (let i = 0; i < 30; i++) reasons.push(reasonOf(await forge(server)));
  assertEquals(new Set(reasons), new Set(["token_invalid", "rate_limited"]));
  assertEquals(await bansOf(server), []);
  await assertAlive([other]);
});
