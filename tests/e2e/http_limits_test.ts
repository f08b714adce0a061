/** Whatever comes in on the public port costs: plain HTTP on both engines, and TLS that comes to nothing. */
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN, startServer, type TestServer } from "../helpers/test_server.ts";
import { RawClient, type RawResponse } from "../helpers/raw_client.ts";
import { connectTo, ENGINES, goodHeaders, handshake } from "../helpers/client.ts";

/** So slow that nothing comes back while a test runs. */
const RATE = 0.01;

async function ask(server: TestServer, method: string, path: string, headers: string[] = []): Promise<RawResponse> {
  using client = await connectTo(server);
  const head = [`${method} ${path} HTTP/1.1`, "Host: localhost", "Content-Length: 0", "Connection: close", ...headers];
  await client.send(head.join("\r\n") + "\r\n\r\n");
  return await client.response();
}

function start(engine: "edge" | "serve", burst: number, limits: Record<string, unknown> = {}): Promise<TestServer> {
  return startServer({ engine, config: { limits: { handshake: { rate: RATE, burst }, adaptive: false, ...limits } } });
}

function assertLimited({ status, body, headers }: RawResponse): void {
  assertEquals([status, body], [429, '{"error":"rate_limited"}']);
  const seconds = Number(headers.get("retry-after"));
  assert(seconds >= 1 && seconds <= 1 / RATE + 1, `Retry-After: ${seconds}`);
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: every HTTP request takes a token of its address, with any answer`, async (t) => {
    const requests = [
      ["GET", "/healthz", 200],
      ["GET", "/nope", 404],
      ["POST", "/healthz", 405],
      ["GET", "/ticket", 405],
    ] as const;
    await using server = await start(engine, requests.length);
    for (const [method, path, status] of requests) {
      assertEquals((await ask(server, method, path)).status, status, `${method} ${path}`);
    }
    await t.step("the next one is one too many, and is told when to come back", async () => {
      assertLimited(await ask(server, "GET", "/nope"));
      assertLimited(await ask(server, "GET", "/healthz"));
      await server.logged("handshake.rejected", (line) => line.reason === "rate_limited" && line.status === 429);
    });
    await t.step("a handshake and a ticket are not: they have buckets of their own", async () => {
      assertEquals((await handshake(server, goodHeaders(server))).status, 101);
      const headers = [`Origin: ${ORIGIN}`, `Authorization: Bearer ${server.token("ann")}`];
      assertEquals((await ask(server, "OPTIONS", "/ticket", [`Origin: ${ORIGIN}`])).status, 204);
      assertEquals((await ask(server, "POST", "/ticket", headers)).status, 200);
    });
  });

  Deno.test(`${engine}: tickets and handshakes with valid tokens are limited by user, without by address`, async () => {
    await using server = await start(engine, 2, { handshake_user: { rate: RATE, burst: 3 } });
    const origin = `Origin: ${ORIGIN}`;
    const ticket = (user: string) =>
      ask(server, "POST", "/ticket", [origin, `Authorization: Bearer ${server.token(user)}`]);
    for (const user of ["ann", "bob", "cid"]) {
      assertEquals((await ticket(user)).status, 200);
      assertEquals((await ticket(user)).status, 200);
      assertEquals((await handshake(server, goodHeaders(server, { user }))).status, 101);
    }
    const anonymous = () => ask(server, "POST", "/ticket", [origin]);
    assertEquals([(await anonymous()).status, (await anonymous()).status], [401, 401]);
    assertLimited(await anonymous());
    assertLimited(await ask(server, "POST", "/ticket", [origin, "Authorization: Bearer x.y.z"]));
    // The fourth of a user; the others go on.
    assertLimited(await ticket("ann"));
    assertLimited(await handshake(server, goodHeaders(server, { user: "ann" })));
    assertEquals((await ticket("dan")).status, 200);
  });

  Deno.test(`${engine}: preflights of allowed origins take nothing from handshakes and requests`, async () => {
    await using server = await start(engine, 1);
    const fields = [`Origin: ${ORIGIN}`, "Access-Control-Request-Method: POST"];
    for (let i = 0; i < 5; i++) assertEquals((await ask(server, "OPTIONS", "/ticket", fields)).status, 204);
    assertEquals((await ask(server, "GET", "/healthz")).status, 200);
    assertEquals((await ask(server, "POST", "/ticket", [`Origin: ${ORIGIN}`])).status, 401);
  });

  Deno.test(`${engine}: preflights are limited as messages of the address are`, async () => {
    await using server = await start(engine, 1, { ip: { rate: RATE, burst: 2 } });
    const fields = [`Origin: ${ORIGIN}`, "Access-Control-Request-Method: POST"];
    for (let i = 0; i < 2; i++) assertEquals((await ask(server, "OPTIONS", "/ticket", fields)).status, 204);
    assertLimited(await ask(server, "OPTIONS", "/ticket", fields));
  });

  Deno.test(`${engine}: requests for the WebSocket path that are no handshakes pay more`, async () => {
    await using server = await start(engine, 3);
    assertEquals((await ask(server, "GET", "/ws")).status, 426);
    assertEquals((await ask(server, "POST", "/ws")).status, 405);
    assertLimited(await ask(server, "GET", "/healthz"));
  });

  Deno.test(`${engine}: a request refused on another path is logged and counted`, async () => {
    await using server = await startServer({ engine, config: { ops: { port: 0 } } });
    for (const [method, path, reason] of [["GET", "/nope", "not_found"], ["PUT", "/healthz", "method_not_allowed"]]) {
      await ask(server, method!, path!);
      await server.logged("handshake.rejected", (line) => line.reason === reason);
      const metrics = await (await fetch(`${server.opsUrl}/metrics`)).text();
      assert(metrics.includes(`sallyport_handshakes_total{result="rejected",reason="${reason}"} 1`), metrics);
    }
  });
}

Deno.test("edge: a TLS handshake that fails or takes too long pays as a request in vain", async (t) => {
  for (const [name, text] of [["fails", "GET / HTTP/1.1\r\n\r\n"], ["times out", ""]] as const) {
    await t.step(name, async () => {
      await using server = await startServer({
        config: {
          server: { host: "127.0.0.1", port: 0, handshake_timeout: "500ms" },
          limits: { handshake: { rate: RATE, burst: 3 }, adaptive: false },
        },
      });
      const fail = async () => {
        using client = await RawClient.connect({ port: server.port });
        if (text !== "") await client.send(text).catch(() => {});
        await client.closed();
      };
      for (let i = 0; i < 2; i++) await fail();
      assertLimited(await ask(server, "GET", "/healthz"));
    });
  }
});
