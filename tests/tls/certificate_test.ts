import { X509Certificate } from "node:crypto";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { ensureDevelopmentCertificate } from "../../lib/tls/development_certificate.ts";
import { assert, assertEquals, assertNotEquals } from "../assert.ts";

async function greet(server: { cert: string; key: string }, caCerts: string[], hostname: string): Promise<string> {
  const listener = Deno.listenTls({ port: 0, hostname: "127.0.0.1", ...server });
  const accepted = listener.accept().then(async (conn) => {
    await conn.write(new TextEncoder().encode("hello")).catch(() => {});
    conn.close();
  });
  try {
    const tcp = await Deno.connect({ port: listener.addr.port, hostname: "127.0.0.1" });
    const client = await Deno.startTls(tcp, { hostname, caCerts });
    const buffer = new Uint8Array(5);
    await client.read(buffer);
    client.close();
    return new TextDecoder().decode(buffer);
  } finally {
    await accepted;
    listener.close();
  }
}

Deno.test("makeCertificate() makes a self-signed certificate that TLS clients accept when given it", async () => {
  const made = await makeCertificate({ hosts: ["localhost", "127.0.0.1", "::1"] });
  for (const host of ["localhost", "127.0.0.1"]) assertEquals(await greet(made, [made.cert], host), "hello");
  const certificate = new X509Certificate(made.cert);
  assertEquals(certificate.ca, false);
  assertEquals(certificate.subjectAltName, "DNS:localhost, IP Address:127.0.0.1, IP Address:::1");
});

Deno.test("makeCertificate() issues from an authority, over an intermediate too", async () => {
  const root = await makeCertificate({ hosts: ["Root"], isCa: true });
  const leaf = await makeCertificate({ hosts: ["localhost"], ca: root });
  assertEquals(await greet(leaf, [root.cert], "localhost"), "hello");
  const intermediate = await makeCertificate({ hosts: ["Intermediate"], isCa: true, ca: root });
  const deep = await makeCertificate({ hosts: ["localhost"], ca: intermediate });
  assertEquals(deep.cert.match(/BEGIN/g)?.length, 2);
  assertEquals(await greet(deep, [root.cert], "localhost"), "hello");
});

Deno.test("makeCertificate() keeps to the dates and the key type it is given", async () => {
  const notBefore = new Date("2026-01-01T00:00:00Z");
  const notAfter = new Date("2026-02-01T00:00:00Z");
  const certificate = new X509Certificate(
    (await makeCertificate({ hosts: ["localhost"], notBefore, notAfter, keyType: "rsa2048" })).cert,
  );
  assertEquals([certificate.validFromDate, certificate.validToDate], [notBefore, notAfter]);
  assertEquals(certificate.publicKey.asymmetricKeyType, "rsa");
});

Deno.test("ensureDevelopmentCertificate() makes the pair once, with a key only its owner reads, and renews it in time", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const certs = `${directory}/certs`;
    const first = await ensureDevelopmentCertificate(certs);
    assertEquals(first, { certFile: `${certs}/server.crt`, keyFile: `${certs}/server.key`, made: true });
    assertEquals(Deno.statSync(first.keyFile).mode! & 0o777, 0o600);
    const cert = Deno.readTextFileSync(first.certFile);
    assertEquals((await ensureDevelopmentCertificate(certs)).made, false);
    assertEquals(Deno.readTextFileSync(first.certFile), cert);

    const nearlyOver = Date.now() + 89.5 * 86_400_000;
    assertEquals((await ensureDevelopmentCertificate(certs, () => nearlyOver)).made, true);
    assertNotEquals(Deno.readTextFileSync(first.certFile), cert);
    assertEquals((await ensureDevelopmentCertificate(certs)).made, true, "one from the future is of no use now");

    Deno.removeSync(first.keyFile);
    assert((await ensureDevelopmentCertificate(certs)).made);
    Deno.writeTextFileSync(first.certFile, "rubbish");
    Deno.chmodSync(first.keyFile, 0o644);
    assert((await ensureDevelopmentCertificate(certs)).made);
    assertEquals(Deno.statSync(first.keyFile).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
