/** Engine `serve`: where the platform sets the bounds. `tests/front/engines_test.ts` has the cases of both engines. */
import { connect as connectHttp2 } from "node:http2";
import { assertEquals, assertRejects } from "../../assert.ts";
import { testCertificate } from "../../helpers/certificate.ts";
import { startTestFront, type TestFrontOptions } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

const start = (options: TestFrontOptions = {}) => startTestFront({ ...options, engine: "serve" });

Deno.test("serve refuses an upgrade that the platform can't make", async () => {
  await using fixture = await start();
  using client = await fixture.connect();
  const response = await client.upgrade("/ws", { "Sec-WebSocket-Key": null });
  assertEquals([response.status, response.body], [400, '{"error":"bad_request"}']);
  await fixture.empty();
});

Deno.test("serve counts connections per address while a session lasts", async () => {
  await using fixture = await start({ perIp: 1 });
  using client = await fixture.open();
  using second = await fixture.connect();
  assertEquals((await second.upgrade()).body, '{"error":"too_many_connections"}');
  client.close();
  await fixture.empty();
  using third = await fixture.open();
  assertEquals(fixture.sessions.length, 2);
  third.close();
});

Deno.test("serve: terminate() ends a session at once, even when the peer is silent", async () => {
  await using fixture = await start();
  using client = await fixture.open();
  const [session] = fixture.sessions;
  session!.socket.terminate();
  assertEquals(session!.socket.open, false);
  await until(() => session!.closes.length > 0, "closed");
  await until(() => fixture.front.connections() === 0, "the count");
  assertEquals((await client.nextClose()).code, 1001);
});

Deno.test("serve can neither pause nor ping, and says so", async () => {
  await using fixture = await start();
  using _client = await fixture.open();
  const { socket } = fixture.sessions[0]!;
  assertEquals([socket.pause(), socket.ping()], [false, false]);
});

Deno.test("serve: reloadTls() is refused, and nothing changes", async () => {
  await using fixture = await start();
  using old = await fixture.open();
  const renewed = await testCertificate();
  await assertRejects(() => fixture.front.reloadTls(renewed), Error, "keeps the one it was started with");
  using fresh = await fixture.open();
  for (const client of [old, fresh]) {
    await client.text("alive");
    assertEquals(await client.nextText(), "alive");
  }
});

Deno.test("serve: stopAccepting() refuses upgrades, open connections go on", async () => {
  await using fixture = await start();
  using client = await fixture.open();
  await fixture.front.stopAccepting();
  using late = await fixture.connect();
  const response = await late.upgrade();
  assertEquals([response.status, response.body], [503, '{"error":"draining"}']);
  await client.text("alive");
  assertEquals(await client.nextText(), "alive");
});

for (const tls of [true, false]) {
  Deno.test(`serve answers HTTP/2 as HTTP/1.1, ${tls ? "by ALPN" : "by prior knowledge"}`, async () => {
    await using fixture = await start({ tls });
    const authority = tls ? `https://localhost:${fixture.port}` : `http://127.0.0.1:${fixture.port}`;
    const client = connectHttp2(authority, tls ? { ca: fixture.caPem! } : {});
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const request = client.request({ ":path": path, ...headers });
      const answer = await new Promise<Record<string, unknown>>((resolve, reject) => {
        request.on("response", resolve);
        request.on("error", reject);
      });
      request.close();
      return answer[":status"];
    };
    try {
      assertEquals(await ask("/healthz", { "user-agent": "browser" }), 200);
      assertEquals(await ask("/ws", { "user-agent": "browser" }), 426);
      assertEquals(await ask("/nothing", { "user-agent": "browser" }), 404);
      assertEquals(await ask("/healthz", { host: "u@a" }), 400);
      assertEquals(fixture.refusals.map(({ refusal }) => refusal.reason), [
        "upgrade_required",
        "not_found",
        "bad_request",
      ]);
    } finally {
      client.destroy();
    }
  });
}
