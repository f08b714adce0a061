/** Whatever comes in on the public port costs: plain HTTP on both engines, and TLS that comes to nothing. */
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN, startServer, type TestServer } from "../harness.ts";
import { RawClient, type RawResponse } from "../raw_client.ts";
import { connectTo, ENGINES, goodHeaders, handshake } from "./client.ts";

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
  Deno.test(`${engine}: every HTTP request takes a token of its address, whatever it is answered`, async (t) => {
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
    await t.step("and so is a handshake", async () => assertLimited(await handshake(server, goodHeaders(server))));
  });

  Deno.test(`${engine}: a ticket takes one token, its preflight another`, async () => {
    await using server = await start(engine, 3);
    const origin = `Origin: ${ORIGIN}`;
    const ticket = () => ask(server, "POST", "/ticket", [origin, `Authorization: Bearer ${server.token("ann")}`]);
    assertEquals(
      (await ask(server, "OPTIONS", "/ticket", [origin, "Access-Control-Request-Method: POST"])).status,
      204,
    );
    assertEquals((await ticket()).status, 200);
    assertEquals((await ticket()).status, 200);
    assertLimited(await ticket());
  });

  Deno.test(`${engine}: requests for the WebSocket path that are no handshakes pay as failed ones`, async () => {
    await using server = await start(engine, 3);
    assertEquals((await ask(server, "GET", "/ws")).status, 426);
    assertEquals((await ask(server, "POST", "/ws")).status, 405);
    assertLimited(await ask(server, "GET", "/healthz"));
  });

  Deno.test(`${engine}: an address that floods plain HTTP is banned in the end`, async () => {
    await using server = await start(engine, 1, { max_violations: 3 });
    for (const status of [404, 429, 429, 429]) assertEquals((await ask(server, "GET", "/nope")).status, status);
    await server.logged("ban.added");
  });
}

Deno.test("edge: a TLS handshake that fails or takes too long pays as a failed one", async (t) => {
  for (const [name, text] of [["fails", "GET / HTTP/1.1\r\n\r\n"], ["times out", ""]] as const) {
    await t.step(name, async () => {
      await using server = await startServer({
        config: {
          server: { host: "127.0.0.1", port: 0, handshake_timeout: "500ms" },
          limits: { handshake: { rate: RATE, burst: 3 }, adaptive: false, max_violations: 2 },
        },
      });
      const fail = async () => {
        using client = await RawClient.connect({ port: server.port });
        if (text !== "") await client.send(text).catch(() => {});
        await client.closed();
      };
      for (let i = 0; i < 2; i++) await fail();
      assertLimited(await ask(server, "GET", "/healthz"));
      // The second violation.
      await fail();
      await server.logged("ban.added");
    });
  }
});
