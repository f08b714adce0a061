/** Who goes too far is shut out for a while: users for what they send, addresses for what they try. */
import { assert, assertEquals } from "../assert.ts";
import type { TestServer } from "../harness.ts";
import type { RawClient, RawResponse } from "../raw_client.ts";
import { ENGINES, goodHeaders, join } from "./client.ts";
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

/** The fourth message within a minute over the three that are free ends it. */
const STRICT = {
  handshake: { rate: 1_000, burst: 1_000 },
  connection: { rate: 0.01, burst: 3, bytes_rate: "1KiB", bytes_burst: "64KiB" },
  max_violations: 4,
  adaptive: false,
};
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
  Deno.test(`${engine}: a user who violates the limits is banned`, async (t) => {
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

  Deno.test(`${engine}: an address that only fails is banned, until it is lifted`, async (t) => {
    await using server = await startRooms({
      engine,
      config: { limits: { ...STRICT, handshake: { rate: 3, burst: 20 }, max_violations: 6, ban: "1h" } },
    });
    using inside = await enter(server, "inside");

    await t.step("failures cost more than good ones, then it is shut out", async () => {
      const answers: string[] = [];
      const banned = engine === "edge" ? "(no answer)" : "banned";
      while (answers.at(-1) !== banned && answers.length < 100) {
        const headers = goodHeaders(server, { subprotocol: ROOMS.subprotocol, token: "x.y.z" });
        answers.push(reasonOf(await tryHandshake(server, headers)));
      }
      assertEquals(answers.at(-1), banned, String(answers));
      const failed = answers.filter((reason) => reason === "token_invalid").length;
      assert(failed < 20, `${failed} of a burst of 20`);
      assert(answers.length < 30, String(answers));
    });
    await t.step("nobody comes in from there, and who was in is closed", async () => {
      const refused = await arrive(server, "honest");
      if (engine === "edge") assertEquals(refused, null);
      else {
        assertEquals([refused?.status, reasonOf(refused)], [429, "banned"]);
        assertRetry(refused, (await bansOf(server))[0]!.until);
      }
      await assertClosed([inside], 1008, "banned");
      if (engine === "edge") {
        const plain = await Deno.connect({ port: server.port });
        assertEquals(await plain.read(new Uint8Array(1)).catch(() => null), null, "closed before TLS");
        plain.close();
      }
    });
    await t.step("it is listed, and lifted", async () => {
      const bans = await bansOf(server);
      assertEquals(bans.length, 1);
      const { key } = bans[0]!;
      assert(key === "ip:127.0.0.1" || key === "ip:::/64", key);
      assertEquals((await operate(server, "DELETE", `/bans/${encodeURIComponent(key)}`)).status, 200);
      // The bucket is empty still: it says until when.
      let answer = await arrive(server, "honest");
      for (let i = 0; i < 3 && reasonOf(answer) === "rate_limited"; i++) {
        const seconds = Number(answer?.headers.get("retry-after"));
        assert(seconds >= 1 && seconds <= 10, String(seconds));
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        answer = await arrive(server, "honest");
      }
      assertEquals(reasonOf(answer), "(let in)");
    });
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
        limits: { ...STRICT, handshake: { rate: 1, burst: 20 }, max_violations: 6, ban: "1h" },
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
    assertEquals(reason, "banned");
    assertEquals((await bansOf(server)).map(({ key }) => key), ["ip:2001:db8:0:0::/64"]);
    assertEquals(await attempt("2001:db8::ffff:1:2:3", server.token("honest")), "banned");
    await assertClosed([neighbour], 1008, "banned");
    assertEquals(await attempt("2001:db8:0:1::1", server.token("honest")), "(let in)");
    assertEquals(await attempt("192.0.2.1", server.token("honest")), "(let in)");
    await assertAlive([stranger]);
    assertEquals((await operate(server, "DELETE", `/bans/${encodeURIComponent("ip:2001:db8::/64")}`)).status, 200);
    assertEquals(await bansOf(server), []);
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
    config: { limits: { ...STRICT, handshake: { rate: 3, burst: 20 }, ban: "1h" } },
  });
  using client = await enter(server, "flooder");
  await flood(client);
  let reason = "";
  for (let i = 0; i < 100 && reason !== "banned"; i++) reason = reasonOf(await arrive(server, `nobody-${i}`));
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

Deno.test("nobody is banned at an address of never_ban, though limits hold there too", async () => {
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
  for (let i = 0; i < 30; i++) {
    const headers = { ...goodHeaders(server), "sec-websocket-protocol": "nope" };
    reasons.push(reasonOf(await tryHandshake(server, headers)));
  }
  assertEquals(new Set(reasons), new Set(["subprotocol_unsupported", "rate_limited"]));
  assertEquals(await bansOf(server), []);
  await assertAlive([other]);
});
