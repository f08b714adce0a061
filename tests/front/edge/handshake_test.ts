import { MAX_HEAD_BYTES } from "../../../lib/front/edge/request_head.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { concat, frame } from "../../helpers/client_frames.ts";
import { acceptAll, startTestFront, type TestFront, upgradeHead } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

const encoder = new TextEncoder();

/** Sends text over a new connection and reads the answer, which must be the last thing said. */
async function answerTo(fixture: TestFront, text: string) {
  using client = await fixture.connect();
  await client.send(text);
  const response = await client.response();
  if (response.status !== 101) await client.closed();
  return response;
}

Deno.test("edge answers routes, HEAD without a body, and always closes", async () => {
  await using fixture = await startTestFront();
  const host = "Host: localhost\r\n\r\n";
  const healthz = await answerTo(fixture, `GET /healthz HTTP/1.1\r\n${host}`);
  assertEquals([healthz.status, healthz.body], [200, "ok"]);
  for (const header of ["strict-transport-security", "x-content-type-options", "cache-control", "date"]) {
    assert(healthz.headers.has(header), header);
  }
  assertEquals(healthz.headers.get("connection"), "close");
  assertEquals(healthz.headers.has("server"), false);

  using client = await fixture.connect();
  const head = await client.request("/healthz", {}, { method: "HEAD" });
  assertEquals([head.status, head.headers.get("content-length")], [200, "2"]);
  await client.closed();

  const missing = await answerTo(fixture, `GET /nowhere HTTP/1.1\r\n${host}`);
  assertEquals([missing.status, missing.body], [404, '{"error":"not_found"}']);
  const wrong = await answerTo(fixture, `DELETE /healthz HTTP/1.1\r\n${host}`);
  assertEquals([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD"]);
  const trace = await answerTo(fixture, `TRACE /healthz HTTP/1.1\r\n${host}`);
  assertEquals(trace.status, 405);
});

Deno.test("edge hands POST /ticket on without its body", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.connect();
  const response = await client.request("/ticket", {}, { method: "POST", body: "x".repeat(10_000) });
  assertEquals([response.status, response.body], [200, "ticket"]);
  await client.closed();
});

const REFUSED: [string, string, number, string][] = [
  ["no upgrade", "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "upgrade_required"],
  ["sockjs CVE-2020-7693: bad Upgrade", upgradeHead().replace("websocket", '"web(socket'), 426, "upgrade_required"],
  ["bare LF", upgradeHead().replace("\r\n", "\n"), 400, "bad_request"],
  ["obs-fold", upgradeHead(["X-A: b", " c"]), 400, "bad_request"],
  ["HTTP/1.0", upgradeHead([], "GET /ws HTTP/1.0"), 400, "bad_request"],
  ["two Hosts", upgradeHead(["Host: localhost"]), 400, "bad_request"],
  ["a non-ASCII target", upgradeHead([], "GET /ü HTTP/1.1"), 400, "bad_request"],
  [
    "Next.js GHSA-c4j6-fc7j-m34r: absolute-form upgrade",
    upgradeHead([], "GET http://127.0.0.1:9464/metrics HTTP/1.1"),
    400,
    "bad_request",
  ],
  ["path with a dot segment", upgradeHead([], "GET /x/../ws HTTP/1.1"), 400, "bad_request"],
  ["path with an escaped dot segment", upgradeHead([], "GET /x/%2e%2E/ws HTTP/1.1"), 400, "bad_request"],
  ["path with two slashes is another path", upgradeHead([], "GET //evil.example/ws HTTP/1.1"), 404, "not_found"],
  ["head over 16 KiB", upgradeHead([`X-A: ${"a".repeat(MAX_HEAD_BYTES)}`]), 431, "headers_too_large"],
  ["ws CVE-2024-37890: 2000 headers", upgradeHead(new Array(2000).fill("a: b")), 431, "headers_too_large"],
];
for (const [name, text, status, reason] of REFUSED) {
  Deno.test(`edge refuses and closes: ${name}`, async () => {
    await using fixture = await startTestFront();
    const response = await answerTo(fixture, text);
    assertEquals([response.status, response.body], [status, `{"error":"${reason}"}`]);
    assertEquals(response.headers.get("connection"), "close");
    await fixture.empty();
    assertEquals(fixture.sessions.length, 0);
  });
}

Deno.test("edge lets in a handshake with non-ASCII header values, as proxies add them", async () => {
  await using fixture = await startTestFront();
  const response = await answerTo(fixture, upgradeHead(["CF-IPCity: São Paulo", "X-Name: \u{1F600}"]));
  assertEquals(response.status, 101);
});

Deno.test("edge, kemal#767: nothing pipelined behind a refusal is answered", async () => {
  const admit = () => Promise.resolve({ accepted: false, status: 403, reason: "origin_not_allowed" } as const);
  await using fixture = await startTestFront({ admit });
  using client = await fixture.connect();
  await client.send(upgradeHead(["Origin: https://evil.example"]) + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const response = await client.response();
  assertEquals([response.status, response.headers.get("connection")], [403, "close"]);
  await client.closed();
  await assertNothingMore(client);
  assertEquals(fixture.refusals.length, 1);
});

async function assertNothingMore(client: RawClient): Promise<void> {
  const more = await client.response(100).then(() => "a second answer", () => "nothing");
  assertEquals(more, "nothing");
}

Deno.test("edge delivers frames pipelined behind the head after the 101, also when admission takes long", async () => {
  const gate = Promise.withResolvers<void>();
  const identity = { user: "ada", roles: [], claims: {}, expiresAt: Infinity, issuedAt: 0 };
  await using fixture = await startTestFront({
    admit: async () => {
      await gate.promise;
      return { accepted: true, identity, subprotocol: null };
    },
  });
  using client = await fixture.connect();
  const first = frame({ opcode: 1, payload: "pipelined" });
  await client.send(concat(encoder.encode(upgradeHead()), first.subarray(0, 5)));
  await client.send(concat(first.subarray(5), frame({ opcode: 1, payload: "later" })));
  assertEquals(fixture.sessions.length, 0);
  gate.resolve();
  assertEquals((await client.response()).status, 101);
  assertEquals(await client.nextText(), "pipelined");
  assertEquals(await client.nextText(), "later");
});

Deno.test("edge takes a head and frames a byte at a time", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.connect();
  const bytes = concat(encoder.encode(upgradeHead()), frame({ opcode: 1, payload: "slowly" }));
  for (const byte of bytes) await client.send(Uint8Array.of(byte));
  assertEquals((await client.response()).status, 101);
  assertEquals(await client.nextText(), "slowly");
});

Deno.test("edge opens no session for a client that vanished during admission", async () => {
  const gate = Promise.withResolvers<void>();
  const identity = { user: "ada", roles: [], claims: {}, expiresAt: Infinity, issuedAt: 0 };
  await using fixture = await startTestFront({
    admit: async () => {
      await gate.promise;
      return { accepted: true, identity, subprotocol: null };
    },
  });
  const client = await fixture.connect();
  await client.send(upgradeHead());
  await until(() => fixture.front.connections() === 1, "the connection");
  client.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  gate.resolve();
  await fixture.empty();
  assertEquals(fixture.sessions.length, 0);
});

Deno.test("edge negotiates http/1.1 by ALPN and refuses a client that only speaks h2", async () => {
  await using fixture = await startTestFront();
  const caCerts = [fixture.caPem!];
  using client = await RawClient.connect({ port: fixture.port, caCerts, alpnProtocols: ["h2", "http/1.1"] });
  const { alpnProtocol } = await (client.connection as Deno.TlsConn).handshake();
  assertEquals(alpnProtocol, "http/1.1");
  using other = await RawClient.connect({ port: fixture.port, caCerts, alpnProtocols: ["h2"] });
  const failed = await (other.connection as Deno.TlsConn).handshake().then(() => null, (error: Error) => error.message);
  assertMatch(failed ?? "none", /alert/i);
  await until(() => fixture.telemetry.handshakes.get("rejected", "tls_failed") === 1, "the count");
});

Deno.test("edge survives garbage and plain HTTP on the TLS port", async () => {
  await using fixture = await startTestFront();
  for (
    const text of ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\0\0\0\0\0\0\0\0", "\x16\x03\x01\xff\xff" + "x".repeat(70_000)]
  ) {
    using client = await RawClient.connect({ port: fixture.port });
    await client.send(text).catch(() => {});
    await client.closed();
  }
  await until(() => fixture.telemetry.handshakes.get("rejected", "tls_failed") === 3, "the count");
  using honest = await fixture.open();
  await honest.text("hello");
  assertEquals(await honest.nextText(), "hello");
});

Deno.test("edge without TLS serves the same, without HSTS", async () => {
  await using fixture = await startTestFront({ tls: false });
  const healthz = await answerTo(fixture, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals([healthz.status, healthz.headers.has("strict-transport-security")], [200, false]);
  using client = await fixture.open();
  await client.text("hello");
  assertEquals(await client.nextText(), "hello");
  assertEquals(fixture.sessions[0]!.peer.secure, false);
  assertEquals(fixture.sessions[0]!.handshake.url.protocol, "http:");
});

Deno.test("edge gives the gate back what it accepted for a client that has left, and opens nothing", async () => {
  const judged = Promise.withResolvers<void>();
  let goneAtLast: (() => boolean) | undefined;
  await using fixture = await startTestFront({
    tls: false,
    server: { handshake_timeout: 300 },
    async admit(handshake, _peer, gone) {
      goneAtLast = gone;
      await judged.promise;
      return await acceptAll(handshake);
    },
  });
  using client = await fixture.connect();
  await client.send(upgradeHead());
  await until(() => goneAtLast !== undefined, "the judgement");
  assertEquals(goneAtLast!(), false);
  // Time is up: 408, and the client is as good as gone.
  assertEquals((await client.response()).status, 408);
  assertEquals(goneAtLast!(), true);
  judged.resolve();
  await until(() => fixture.abandoned.length === 1, "the accept to be given back");
  assertEquals([fixture.sessions.length, fixture.admitted.length], [0, 0]);
});
