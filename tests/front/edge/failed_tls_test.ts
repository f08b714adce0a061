import { assertEquals } from "../../assert.ts";
import { RawClient } from "../../raw_client.ts";
import { startFixture, until } from "../fixture.ts";

/** What the gate was told of a client that speaks plain HTTP to the TLS port, and of one that says nothing. */
async function failures(trusted_proxies: string[]): Promise<string[]> {
  const server = { handshake_timeout: 500, trusted_proxies };
  await using fixture = await startFixture({ server });
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

Deno.test("edge does not hold failed TLS against a trusted proxy", async () => {
  assertEquals(await failures(["127.0.0.1"]), []);
});
