/** The outer gate through real sockets: every status and reason that a handshake can meet, on both engines. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { ORIGIN, startServer, type TestServer } from "../helpers/test_server.ts";
import { connectTo, ENGINES, goodHeaders, handshake, join } from "../helpers/client.ts";

interface Row {
  readonly name: string;
  readonly headers: (server: TestServer) => Record<string, string>;
  readonly path?: string;
  readonly status: number;
  readonly reason: string;
}

const without = (headers: Record<string, string>, name: string) =>
  Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));

const ROWS: readonly Row[] = [
  { name: "no origin", headers: (s) => without(goodHeaders(s), "origin"), status: 403, reason: "origin_missing" },
  {
    name: "Origin: null (CVE-2026-27977)",
    headers: (s) => goodHeaders(s, { headers: { origin: "null" } }),
    status: 403,
    reason: "origin_not_allowed",
  },
  {
    name: "a subdomain of the allowed origin",
    headers: (s) => goodHeaders(s, { headers: { origin: "https://x.app.example.com" } }),
    status: 403,
    reason: "origin_not_allowed",
  },
  {
    name: "another origin with another port (CVE-2023-0957)",
    headers: (s) => goodHeaders(s, { headers: { origin: "https://app.example.com:444" } }),
    status: 403,
    reason: "origin_not_allowed",
  },
  {
    name: "a wrong origin and everything else wrong as well: the origin is judged first",
    headers: () => ({ origin: "https://evil.example", "sec-websocket-protocol": "nope" }),
    status: 403,
    reason: "origin_not_allowed",
  },
  {
    name: "no subprotocol",
    headers: (s) => without(goodHeaders(s), "sec-websocket-protocol"),
    status: 400,
    reason: "subprotocol_required",
  },
  {
    name: "only a bearer entry as subprotocol",
    headers: (s) => ({ origin: ORIGIN, "sec-websocket-protocol": `bearer.${s.token("ann")}` }),
    status: 400,
    reason: "subprotocol_required",
  },
  {
    name: "an unknown subprotocol",
    headers: (s) => goodHeaders(s, { subprotocol: "chat.v2" }),
    status: 400,
    reason: "subprotocol_unsupported",
  },
  {
    name: "no token",
    headers: (s) => without(goodHeaders(s), "authorization"),
    status: 401,
    reason: "token_missing",
  },
  {
    name: "a token that is none",
    headers: (s) => goodHeaders(s, { token: "x.y.z" }),
    status: 401,
    reason: "token_invalid",
  },
  {
    name: "a token of another audience",
    headers: (s) => goodHeaders(s, { token: s.token("ann", { claims: { aud: "other" } }) }),
    status: 401,
    reason: "token_invalid",
  },
  {
    name: "an expired token",
    headers: (s) => goodHeaders(s, { token: s.token("ann", { ttl: -120 }) }),
    status: 401,
    reason: "token_expired",
  },
  {
    name: "two different tokens",
    headers: (s) => goodHeaders(s, { subprotocol: `echo.v1, bearer.${s.token("bob")}` }),
    status: 400,
    reason: "bad_request",
  },
  {
    name: "a wrong version",
    headers: (s) => goodHeaders(s, { headers: { "sec-websocket-version": "8" } }),
    status: 426,
    reason: "upgrade_required",
  },
  {
    name: "a key of the wrong length",
    headers: (s) => goodHeaders(s, { headers: { "sec-websocket-key": "c2hvcnQ=" } }),
    status: 400,
    reason: "bad_request",
  },
  {
    name: "upgrade on another path",
    headers: goodHeaders,
    path: "/elsewhere",
    status: 404,
    reason: "not_found",
  },
];

for (const engine of ENGINES) {
  Deno.test(`${engine}: a handshake is refused with the status and reason of what is wrong`, async (t) => {
    await using server = await startServer({ engine });
    // Few enough that none of the lines is suppressed.
    await t.step("the log says why", async () => {
      for (
        const { headers, status, reason } of ROWS.filter(({ name }) => name.startsWith("no ") || name.startsWith("an "))
      ) {
        await handshake(server, headers(server));
        await server.logged("handshake.rejected", (line) => line.reason === reason && line.status === status);
      }
    });
    for (const { name, headers, path, status, reason } of ROWS) {
      await t.step(name, async () => {
        const response = await handshake(server, headers(server), path);
        assertEquals(response.status, status, response.body);
        assertEquals(JSON.parse(response.body), { error: reason });
        assertEquals(response.headers.get("connection")?.toLowerCase(), "close");
        assertEquals(response.headers.get("x-content-type-options"), "nosniff");
        assertEquals(response.headers.get("cache-control"), "no-store");
        assertMatch(response.headers.get("strict-transport-security") ?? "", /^max-age=31536000/);
        assertEquals(response.headers.get("server"), null);
        assertEquals(response.headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
        if (status === 426) assertEquals(response.headers.get("sec-websocket-version"), "13");
      });
    }

    await t.step("a good one is let in, with its subprotocol and nothing of its token echoed", async () => {
      const token = server.token("ann");
      using client = await connectTo(server);
      const response = await client.upgrade("/ws", {
        origin: ORIGIN,
        "sec-websocket-protocol": `bearer.${token}, chat.v1, echo.v1`,
      });
      assertEquals(response.status, 101);
      assertEquals(response.headers.get("sec-websocket-protocol"), "chat.v1");
      assertEquals(response.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
      assertEquals(response.headers.get("sec-websocket-extensions"), null);
      await server.logged("handshake.accepted", (line) => line.user === "ann");
    });

    await t.step("HTTP on the public port", async () => {
      const table: [string, string, number, string | null][] = [
        ["GET", "/healthz", 200, null],
        ["GET", "/", 404, "not_found"],
        ["GET", "/ws", 426, "upgrade_required"],
        ["POST", "/ws", 405, "method_not_allowed"],
        ["POST", "/healthz", 405, "method_not_allowed"],
        ["GET", "/metrics", 404, "not_found"],
      ];
      for (const [method, path, status, reason] of table) {
        using client = await connectTo(server);
        await client.send(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
        const response = await client.response();
        assertEquals(response.status, status, `${method} ${path}`);
        if (reason === null) assertEquals(response.body, "ok");
        else assertEquals(JSON.parse(response.body), { error: reason });
        if (status === 426) assertEquals(response.headers.get("upgrade"), "websocket");
      }
    });

    await t.step("no token of any attempt is in the log", () => {
      const text = server.log.map((line) => JSON.stringify(line)).join("\n") + server.noise.join("\n");
      assert(!text.includes("eyJ"), text);
    });
  });

  Deno.test(`${engine}: caps and rates of handshakes`, async (t) => {
    await using server = await startServer({
      engine,
      config: {
        server: { host: "localhost", port: 0, engine, max_connections_per_user: 2, max_connections: 4 },
        limits: { handshake: { rate: 0.1, burst: 9 }, handshake_user: { rate: 0.1, burst: 9 } },
      },
    });
    await t.step("the third connection of a user is too many, until one of them ends", async () => {
      const clients = [await join(server), await join(server)];
      const refused = await handshake(server, goodHeaders(server));
      assertEquals([refused.status, JSON.parse(refused.body).error], [429, "too_many_connections"]);
      assert(Number(refused.headers.get("retry-after")) >= 1);
      clients[0]!.close();
      await server.logged("connection.closed");
      using again = await join(server);
      again.close();
      clients[1]!.close();
    });
    await t.step("a full server says so", async () => {
      await server.logged(
        "connection.closed",
        () => server.log.filter((l) => l.event === "connection.closed").length >= 3,
      );
      const clients = [];
      for (const user of ["a", "b", "c", "d"]) clients.push(await join(server, { user }));
      const refused = await handshake(server, goodHeaders(server, { user: "e" }));
      assertEquals([refused.status, JSON.parse(refused.body).error], [503, "server_full"]);
      assert(Number(refused.headers.get("retry-after")) >= 1);
      for (const client of clients) client.close();
    });
    await t.step("too many handshakes of a user are rate_limited, and told when to come back", async () => {
      await server.logged(
        "connection.closed",
        () => server.log.filter((l) => l.event === "connection.closed").length >= 7,
      );
      let refused = await handshake(server, goodHeaders(server));
      for (let i = 0; i < 10 && refused.status !== 429; i++) refused = await handshake(server, goodHeaders(server));
      assertEquals([refused.status, JSON.parse(refused.body).error], [429, "rate_limited"]);
      const seconds = Number(refused.headers.get("retry-after"));
      assert(seconds >= 1 && seconds <= 11, `Retry-After: ${seconds}`);
      assertEquals((await handshake(server, goodHeaders(server, { user: "f" }))).status, 101);
    });
    await t.step("so are those of an address without credential, while others there come in", async () => {
      let refused = await handshake(server, without(goodHeaders(server), "authorization"));
      for (let i = 0; i < 10 && refused.status !== 429; i++) {
        refused = await handshake(server, without(goodHeaders(server), "authorization"));
      }
      assertEquals([refused.status, JSON.parse(refused.body).error], [429, "rate_limited"]);
      const seconds = Number(refused.headers.get("retry-after"));
      assert(seconds >= 1 && seconds <= 11, `Retry-After: ${seconds}`);
      assertEquals((await handshake(server, goodHeaders(server, { user: "g" }))).status, 101);
    });
  });
}

Deno.test("edge: an address over max_connections_per_ip is closed without an answer", async () => {
  await using server = await startServer({
    config: { server: { host: "localhost", port: 0, max_connections_per_ip: 2 } },
  });
  using _first = await join(server, { user: "a" });
  using _second = await join(server, { user: "b" });
  const raw = await Deno.connect({ port: server.port });
  assertEquals(await raw.read(new Uint8Array(1)).catch(() => null), null);
  raw.close();
});

Deno.test("serve: an address over max_connections_per_ip is answered 429", async () => {
  await using server = await startServer({
    engine: "serve",
    config: { server: { host: "localhost", port: 0, engine: "serve", max_connections_per_ip: 1 } },
  });
  using _first = await join(server, { user: "a" });
  const refused = await handshake(server, goodHeaders(server, { user: "b" }));
  assertEquals([refused.status, JSON.parse(refused.body).error], [429, "too_many_connections"]);
});

Deno.test("allow_missing_origin lets in only a client with a Bearer header", async () => {
  await using server = await startServer({ config: { admission: { origins: [ORIGIN], allow_missing_origin: true } } });
  const good = without(goodHeaders(server), "origin");
  using client = await connectTo(server);
  assertEquals((await client.upgrade("/ws", good)).status, 101);
  const byProtocol = { "sec-websocket-protocol": `echo.v1, bearer.${server.token("ann")}` };
  const refused = await handshake(server, byProtocol);
  assertStringIncludes(refused.body, "origin_missing");
});
