import { assertEquals } from "../../assert.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { startTestFront } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

/** The failures that the gate counts for a client that speaks plain HTTP to the TLS port, and for a silent one. */
async function failures(trusted_proxies: string[]): Promise<string[]> {
  const server = { handshake_timeout: 500, trusted_proxies };
  await using fixture = await startTestFront({ server });
  using plain = await RawClient.connect({ port: fixture.port });
  await plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").catch(() => {});
  using silent = await RawClient.connect({ port: fixture.port });
  await Promise.all([plain.closed(), silent.closed()]);
  const { handshakes } = fixture.telemetry;
  await until(
    () => handshakes.get("rejected", "tls_failed") + handshakes.get("rejected", "timeout") === 2,
    "the counts",
  );
  using honest = await fixture.open();
  await honest.text("hello");
  await honest.nextText();
  return fixture.failed;
}

Deno.test("edge tells the gate, once each, of addresses whose TLS fails or takes too long", async () => {
  assertEquals(await failures([]), ["127.0.0.1", "127.0.0.1"]);
});

Deno.test("edge tells garbage from what a browser can be made to send, and from a client that distrusts us", async () => {
  await using fixture = await startTestFront();
  const failed = () => fixture.telemetry.handshakes.get("rejected", "tls_failed");
  const bytes = (...start: number[]) => new Uint8Array([...start, ...new Array(50).fill(0x21)]);
  const cases: [Uint8Array, number][] = [
    [new TextEncoder().encode("POST /x HTTP/1.1\r\n\r\n"), 0],
    [bytes(0x00, 0x01), 0],
    [bytes(0x80, 0x2e), 1], // SSL 2
    [bytes(0xff), 2],
    [bytes(0x16, 3, 1, 0xff, 0xff), 3],
  ];
  for (const [at, [sent, garbage]] of cases.entries()) {
    using client = await RawClient.connect({ port: fixture.port });
    await client.send(sent).catch(() => {});
    await client.closed();
    await until(() => failed() === at + 1, "the count");
    assertEquals(fixture.garbage.length, garbage, `case ${at}`);
  }
  const stranger = await Deno.connectTls({ hostname: "localhost", port: fixture.port });
  await stranger.handshake().catch(() => {});
  stranger.close();
  await until(() => failed() === cases.length + 1, "the count");
  assertEquals(fixture.garbage.length, 3);
  const told = fixture.lines.map((text) => JSON.parse(text)).filter(({ event }) => event === "handshake.rejected");
  assertEquals(told.map(({ reason, status }) => [reason, status]), new Array(3).fill(["tls_failed", null]));
});

Deno.test("edge does not hold failed TLS against a trusted proxy", async () => {
  assertEquals(await failures(["127.0.0.1"]), []);
});
