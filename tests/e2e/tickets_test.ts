/** One-time tickets through the real process: bought by POST, used once, from the origin they were bought for. */
import { DatabaseSync } from "node:sqlite";
import { join as joinPath } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN, type TestServer } from "../helpers/test_server.ts";
import { type RawResponse } from "../helpers/raw_client.ts";
import { call, connectTo, ENGINES } from "../helpers/client.ts";
import { operate, reasonOf, ROOMS, startRooms, tryHandshake } from "./modules/identity_kit.ts";

const OTHER_ORIGIN = "https://admin.example.com";
const BOTH = { admission: { origins: [ORIGIN, OTHER_ORIGIN] } };

/** `POST /ticket`; null leaves a header field out. */
async function post(
  server: TestServer,
  { token, origin = ORIGIN, method = "POST", headers = {} }: {
    token?: string;
    origin?: string | null;
    method?: string;
    headers?: Record<string, string>;
  },
): Promise<RawResponse> {
  using client = await connectTo(server);
  return await client.request("/ticket", {
    ...(origin === null ? {} : { origin }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...headers,
  }, method === "POST" ? { method, body: "" } : { method });
}

async function buy(server: TestServer, user: string, origin = ORIGIN): Promise<string> {
  const response = await post(server, { token: server.token(user), origin });
  assertEquals(response.status, 200, response.body);
  return JSON.parse(response.body).ticket;
}

const HEADERS = { origin: ORIGIN, "sec-websocket-protocol": ROOMS.subprotocol };

/** The outcome of a handshake with that ticket. */
async function use(server: TestServer, ticket: string, origin = ORIGIN): Promise<string> {
  return reasonOf(await tryHandshake(server, { ...HEADERS, origin }, `/ws?ticket=${ticket}`));
}

function assertReadable(response: RawResponse, origin = ORIGIN): void {
  assertEquals(response.headers.get("access-control-allow-origin"), origin);
  assertEquals(response.headers.get("access-control-allow-credentials"), null);
  assertEquals(response.headers.get("vary"), "Origin");
  assertEquals(response.headers.get("cache-control"), "no-store");
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: POST /ticket is for pages of allowed origins`, async (t) => {
    await using server = await startRooms({ engine, config: BOTH });

    await t.step("the preflight is answered 204", async () => {
      for (const origin of [ORIGIN, OTHER_ORIGIN]) {
        const response = await post(server, {
          origin,
          method: "OPTIONS",
          headers: { "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
        });
        assertEquals([response.status, response.body], [204, ""]);
        assertReadable(response, origin);
        assertEquals(response.headers.get("access-control-allow-methods"), "POST");
        assert(response.headers.get("access-control-allow-headers")?.toLowerCase().includes("authorization"));
      }
    });
    await t.step("a token buys a ticket of 256 bits for 30 seconds", async () => {
      const response = await post(server, { token: server.token("ann") });
      assertEquals(response.status, 200, response.body);
      assertReadable(response);
      const { ticket, expires_in } = JSON.parse(response.body);
      assertEquals([Uint8Array.fromBase64(ticket, { alphabet: "base64url" }).length, expires_in], [32, 30]);
    });
    await t.step("refusals can be read by the page", async () => {
      const cases: [Parameters<typeof post>[1], number, string][] = [
        [{}, 401, "token_missing"],
        [{ token: "x.y.z" }, 401, "token_invalid"],
        [{ token: server.token("ann", { ttl: -120 }) }, 401, "token_expired"],
      ];
      for (const [request, status, reason] of cases) {
        const response = await post(server, request);
        assertEquals([response.status, JSON.parse(response.body)], [status, { error: reason }]);
        assertReadable(response);
        assertEquals(response.headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
      }
    });
    await t.step("GET /ticket is 405", async () => {
      for (const method of ["GET", "PUT", "DELETE"]) {
        const response = await post(server, { method, token: server.token("ann") });
        assertEquals([response.status, reasonOf(response)], [405, "method_not_allowed"]);
        assertEquals(response.headers.get("allow"), "POST, OPTIONS");
      }
    });
    await t.step("other pages get nothing, and can't read it either", async () => {
      const token = server.token("ann");
      for (const origin of ["https://evil.example", "null", `${ORIGIN}.evil.example`, null]) {
        for (const method of ["POST", "OPTIONS"]) {
          const response = await post(server, { token, origin, method });
          assertEquals(response.status, 403);
          assertEquals(JSON.parse(response.body).error, origin === null ? "origin_missing" : "origin_not_allowed");
          assertEquals(response.headers.get("access-control-allow-origin"), null);
        }
      }
    });
    await t.step("only the header buys one: a cookie or a query would be the page's own doing", async () => {
      const token = server.token("ann");
      using client = await connectTo(server);
      const response = await client.request(`/ticket?access_token=${token}`, {
        origin: ORIGIN,
        cookie: `__Host-session=${token}`,
      }, { method: "POST", body: "" });
      assertEquals(reasonOf(response), "token_missing");
    });
  });

  Deno.test(`${engine}: a ticket is good for one handshake of its user from its origin`, async (t) => {
    await using server = await startRooms({
      engine,
      config: { ...BOTH, server: { max_connections_per_ip: 200, engine } },
    });

    await t.step("it lets its user in, with the roles and the end of the token it was bought with", async () => {
      const exp = Math.floor(Date.now() / 1000) + 120;
      const token = server.token("ann", { roles: ["user", "admin"], claims: { exp } });
      const { ticket } = JSON.parse((await post(server, { token })).body);
      using client = await connectTo(server);
      assertEquals((await client.upgrade(`/ws?ticket=${ticket}`, HEADERS)).status, 101);
      const { result } = await call(client, "session.whoami");
      assertEquals(result, { user: "ann", roles: ["user", "admin"], expires_at: exp });
      assertEquals((await call(client, "room.close", {})).result, true);
      assertEquals(await use(server, ticket), "ticket_invalid");
    });
    await t.step("a wrong origin burns it", async () => {
      for (
        const [wrong, reason] of [["https://evil.example", "origin_not_allowed"], [OTHER_ORIGIN, "ticket_invalid"]]
      ) {
        const ticket = await buy(server, "ann");
        assertEquals(await use(server, ticket, wrong), reason);
        assertEquals(await use(server, ticket), "ticket_invalid");
      }
      assertEquals(await use(server, await buy(server, "ann", OTHER_ORIGIN), OTHER_ORIGIN), "(let in)");
    });
    await t.step("a string that is no ticket is refused", async () => {
      const ticket = await buy(server, "ann");
      for (
        const wrong of ["x", "a".repeat(43), ticket.slice(1), `${ticket}A`, `${ticket}%00`, "%F0", ".".repeat(5000)]
      ) {
        assertEquals(await use(server, wrong), "ticket_invalid", wrong);
      }
      assertEquals(await use(server, ""), "token_missing");
      assertEquals(await use(server, ticket), "(let in)");
    });
    await t.step("a revoked user's is worth nothing", async () => {
      const token = server.token("gone");
      const ticket = await buy(server, "gone");
      await operate(server, "POST", "/revocations", { sub: "gone" });
      assertEquals(await use(server, ticket), "ticket_invalid");
      assertEquals(reasonOf(await post(server, { token })), "token_revoked");
    });
    await t.step("it prolongs nothing: it ends with its token", async () => {
      const exp = Math.ceil(Date.now() / 1000) + 1;
      const { ticket } = JSON.parse((await post(server, { token: server.token("brief", { claims: { exp } }) })).body);
      await new Promise((resolve) => setTimeout(resolve, exp * 1000 + 10 - Date.now()));
      assertEquals(await use(server, ticket), "ticket_invalid");
    });
    await t.step("of a hundred handshakes at once exactly one gets in", async () => {
      const ticket = await buy(server, "racer");
      const clients = await Promise.all(Array.from({ length: 100 }, () => connectTo(server)));
      const answers = await Promise.all(
        clients.map((client) => client.upgrade(`/ws?ticket=${ticket}`, HEADERS, 30_000)),
      );
      const statuses = answers.map(({ status }) => status);
      assertEquals(statuses.filter((status) => status === 101).length, 1, String(statuses));
      assertEquals(statuses.filter((status) => status === 401).length, 99);
      for (const client of clients) client.close();
    });
  });
}

Deno.test("limits.ticket bounds the tickets of a user over all addresses", async () => {
  await using server = await startRooms({
    config: { limits: { handshake: { rate: 1000, burst: 1000 }, ticket: { rate: 0.1, burst: 2 }, adaptive: false } },
  });
  await buy(server, "greedy");
  await buy(server, "greedy");
  const refused = await post(server, { token: server.token("greedy") });
  assertEquals([refused.status, reasonOf(refused)], [429, "rate_limited"]);
  assertReadable(refused);
  assert(refused.headers.get("access-control-expose-headers")?.toLowerCase().includes("retry-after"));
  const seconds = Number(refused.headers.get("retry-after"));
  assert(seconds >= 1 && seconds <= 10, `Retry-After: ${seconds}`);
  await buy(server, "modest");
  const metrics = await (await fetch(`${server.opsUrl}/metrics`)).text();
  assert(metrics.includes('sallyport_limited_total{scope="ticket"} 1'), metrics);
});

Deno.test("too many tickets cause no ban", async () => {
  const limits = { handshake: { rate: 1000, burst: 1000 }, ticket: { rate: 0.01, burst: 1 }, max_violations: 3 };
  await using server = await startRooms({ config: { limits } });
  await buy(server, "greedy");
  for (let i = 0; i < 8; i++) {
    assertEquals(reasonOf(await post(server, { token: server.token("greedy") })), "rate_limited");
  }
  assertEquals((await operate(server, "GET", "/bans")).body.bans, []);
});

Deno.test("a ticket is over after 30 seconds, to the store's clock", async () => {
  await using server = await startRooms({ config: { store: { kind: "sqlite", path: "state.db" } } });
  const [kept, over] = [await buy(server, "ann"), await buy(server, "ann")];
  const hash = async (ticket: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ticket)))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  const file = new DatabaseSync(joinPath(server.dir, "state.db"));
  try {
    const row = file.prepare("SELECT value, expires_at FROM record WHERE space = 'ticket' AND key = ?").get(
      await hash(over),
    );
    const left = Number(row?.expires_at) - Date.now();
    assert(left > 10_000 && left <= 30_000, `${left} ms left`);
    assert(!String(row?.value).includes(over), "only a hash of it is kept");
    const past = file.prepare("UPDATE record SET expires_at = ? WHERE space = 'ticket' AND key = ?");
    past.run(Date.now() - 1, await hash(over));
  } finally {
    file.close();
  }
  assertEquals(await use(server, over), "ticket_invalid");
  assertEquals(await use(server, kept), "(let in)");
});
