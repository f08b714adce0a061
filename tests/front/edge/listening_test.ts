import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { testCertificate } from "../../helpers/certificate.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { startTestFront, upgradeHead } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";
import { proxyHeader } from "../proxy_header.ts";

const LOOPBACK = { trusted_proxies: ["127.0.0.0/8"] };
const V4 = [192, 0, 2, 1, 198, 51, 100, 9, 0x12, 0x34, 0x01, 0xbb];

Deno.test("edge behind a trusted proxy: caps and peers go by the forwarded address", async () => {
  await using fixture = await startTestFront({ tls: false, server: LOOPBACK, perIp: 1, banned: ["192.0.2.66"] });
  using client = await fixture.open({ "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" });
  assertEquals(fixture.sessions[0]!.peer, { ip: "192.0.2.1", secure: true, forwarded: true });
  assertEquals(fixture.entered, ["192.0.2.1"]);
  for (const [address, reason] of [["192.0.2.1", "too_many_connections"], ["192.0.2.66", "banned"]]) {
    using refused = await fixture.connect();
    const response = await refused.upgrade("/ws", { "X-Forwarded-For": address! });
    assertEquals([response.status, response.body], [429, `{"error":"${reason}"}`]);
  }
  using other = await fixture.open({ "X-Forwarded-For": "192.0.2.2" });
  client.close();
  other.close();
  await fixture.empty();
});

Deno.test("edge believes no forwarding header of a stranger", async () => {
  await using fixture = await startTestFront();
  using _client = await fixture.open({ "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http" });
  assertEquals(fixture.sessions[0]!.peer, { ip: "127.0.0.1", secure: true, forwarded: false });
});

for (const tls of [false, true]) {
  Deno.test(`edge reads the PROXY protocol from a trusted proxy (${tls ? "TLS" : "plain"})`, async () => {
    const server = { ...LOOPBACK, proxy_protocol: true };
    await using fixture = await startTestFront({ tls, server, perIp: 1 });
    const port = fixture.port;
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    const header = proxyHeader(0x21, 0x11, V4);
    await tcp.write(header.subarray(0, 20));
    await tcp.write(header.subarray(20));
    const caCerts = [fixture.caPem ?? ""];
    const connection = tls ? await Deno.startTls(tcp, { hostname: "localhost", caCerts }) : tcp;
    await connection.write(new TextEncoder().encode(upgradeHead()));
    const answer = new Uint8Array(1000);
    await connection.read(answer);
    assert(new TextDecoder().decode(answer).startsWith("HTTP/1.1 101"));
    assertEquals(fixture.sessions[0]!.peer.ip, "192.0.2.1");
    assertEquals(fixture.sessions[0]!.peer.forwarded, true);

    using over = await RawClient.connect({ port });
    await over.send(header);
    await over.closed();
    using garbage = await RawClient.connect({ port });
    await garbage.send("GET /ws HTTP/1.1\r\n");
    await garbage.closed();
    connection.close();
    await fixture.empty();
  });
}

for (const [name, command, family, body] of [["LOCAL", 0x20, 0, []], ["UNSPEC", 0x21, 0, []]] as const) {
  Deno.test(`edge believes no forwarding header after PROXY ${name}: bytes are forwarded, so it is the client's own`, async () => {
    await using fixture = await startTestFront({ tls: false, server: { ...LOOPBACK, proxy_protocol: true } });
    using client = await RawClient.connect({ port: fixture.port });
    await client.send(proxyHeader(command, family, [...body]));
    const response = await client.upgrade("/ws", { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" });
    assertEquals(response.status, 101);
    assertEquals(fixture.sessions[0]!.peer, { ip: "127.0.0.1", secure: false, forwarded: false });
  });
}

Deno.test("edge believes no forwarding header after a PROXY header, though the client's own range is trusted", async () => {
  const server = { trusted_proxies: ["127.0.0.0/8", "192.0.2.0/24"], proxy_protocol: true };
  await using fixture = await startTestFront({ tls: false, server });
  using client = await RawClient.connect({ port: fixture.port });
  await client.send(proxyHeader(0x21, 0x11, V4));
  assertEquals((await client.upgrade("/ws", { "X-Forwarded-For": "203.0.113.7" })).status, 101);
  assertEquals(fixture.sessions[0]!.peer, { ip: "192.0.2.1", secure: false, forwarded: true });
  assertEquals(fixture.entered, ["192.0.2.1"], "its cap holds as well");
});

Deno.test("edge logs and counts PROXY headers that are wrong or missing, as no client's offence", async () => {
  const server = { ...LOOPBACK, proxy_protocol: true, handshake_timeout: 200 };
  await using fixture = await startTestFront({ server });
  using wrong = await RawClient.connect({ port: fixture.port });
  await wrong.send("GET /ws HTTP/1.1\r\n");
  await wrong.closed();
  using silent = await RawClient.connect({ port: fixture.port });
  await silent.closed();
  for (const reason of ["bad_request", "timeout"]) {
    await until(() => fixture.telemetry.handshakes.get("rejected", reason) === 1, `the count of ${reason}`);
    const line = fixture.lines.map((text) => JSON.parse(text)).find((one) => one.reason === reason);
    assertEquals([line?.event, line?.ip, line?.status], ["handshake.rejected", "127.0.0.1", null]);
  }
  assertEquals(fixture.failed, []);
});

Deno.test("edge gives a proxy that sends no PROXY header handshake_timeout", async () => {
  const server = { ...LOOPBACK, proxy_protocol: true, handshake_timeout: 50 };
  await using fixture = await startTestFront({ server });
  using client = await RawClient.connect({ port: fixture.port });
  await client.closed();
  await fixture.empty();
});

Deno.test("edge listens on a unix socket, mode 0660, and replaces a stale one", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/front.sock`;
  try {
    {
      await using fixture = await startTestFront({ tls: false, server: { unix: path } });
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o660);
      using client = await fixture.open({ "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" });
      await client.text("hello");
      assertEquals(await client.nextText(), "hello");
      assertEquals(fixture.sessions[0]!.peer, { ip: "192.0.2.1", secure: true, forwarded: true });
      assertEquals(fixture.front.port, 0);
      // A second server must not take it away from the first.
      await assertRejects(() => startTestFront({ tls: false, server: { unix: path } }), Error, "another server");
    }
    makeStale(path);
    await using second = await startTestFront({ tls: false, server: { unix: path } });
    using client = await second.open();
    await client.text("again");
    assertEquals(await client.nextText(), "again");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A socket file whose server is gone: moved away, it is not found when the server unlinks it at its end. */
function makeStale(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.moved` });
  Deno.renameSync(`${path}.moved`, path);
  listener.close();
}

Deno.test("edge removes nothing that is no socket", async () => {
  const path = await Deno.makeTempFile();
  try {
    await assertRejects(() => startTestFront({ tls: false, server: { unix: path } }), Error, "no socket");
    assertEquals((await Deno.stat(path)).isFile, true);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("reloadTls(): new connections get the new certificate, open ones stay, bad material changes nothing", async () => {
  await using fixture = await startTestFront();
  using old = await fixture.open();
  const renewed = await testCertificate();
  const other = await testCertificate();
  await assertRejects(() => fixture.front.reloadTls({ cert: renewed.cert, key: other.key }), Error, "does not belong");
  await assertRejects(() => fixture.front.reloadTls({ cert: "nonsense", key: renewed.key }));
  using still = await fixture.open();
  await fixture.front.reloadTls(renewed);
  const untrusted = await fixture.connect().then(async (client) => {
    using _ = client;
    return await client.upgrade().then(() => "trusted", () => "not trusted");
  }, () => "not trusted");
  assertEquals(untrusted, "not trusted");
  using fresh = await RawClient.connect({ port: fixture.port, caCerts: [renewed.cert] });
  assertEquals((await fresh.upgrade()).status, 101);
  for (const client of [old, still]) {
    await client.text("alive");
    assertEquals(await client.nextText(), "alive");
  }
});

Deno.test("stopAccepting(): no new connections, open ones go on", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  await fixture.front.stopAccepting();
  await assertRejects(() => RawClient.connect({ port: fixture.port }));
  await client.text("alive");
  assertEquals(await client.nextText(), "alive");
});

Deno.test("close() cuts what is open; each session is told once", async () => {
  const fixture = await startTestFront();
  const client = await fixture.open();
  const half = await fixture.connect();
  const silent = await RawClient.connect({ port: fixture.port });
  await until(() => fixture.front.connections() === 3, "three connections");
  await fixture.front.close();
  assertEquals(fixture.front.connections(), 0);
  assertEquals(fixture.sessions[0]!.closes, [{ code: 1006, reason: "" }]);
  for (const one of [client, half, silent]) {
    await one.closed();
    one.close();
  }
});

Deno.test("startFront() rejects when the port is taken", async () => {
  await using fixture = await startTestFront();
  const server = { ...fixture.config.server, port: fixture.port };
  await assertRejects(() => startTestFront({ server }), Error, "EADDRINUSE");
});
