import { type CertificateOptions, type MadeCertificate, makeCertificate } from "../../lib/tls/certificate.ts";
import {
  certificateErrors,
  certificateFindings,
  expiryStage,
  inspectCertificate,
} from "../../lib/tls/certificate_findings.ts";
import { CertificateWatch } from "../../lib/tls/certificate_watch.ts";
import { createLog } from "../../lib/log/log.ts";
import type { Config } from "../../lib/config/config.ts";
import { assertEquals, assertMatch } from "../assert.ts";

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;
const HOST = "ws.example.com";

const AUTHORITY = { isCa: true, notBefore: new Date(NOW - 90 * DAY), notAfter: new Date(NOW + 3650 * DAY) };
const root = await makeCertificate({ hosts: ["Root"], ...AUTHORITY });
const intermediate = await makeCertificate({ hosts: ["Intermediate"], ...AUTHORITY, ca: root });

function make(options: Partial<CertificateOptions> = {}): Promise<MadeCertificate> {
  return makeCertificate({
    hosts: [HOST],
    notBefore: new Date(NOW - 30 * DAY),
    notAfter: new Date(NOW + 60 * DAY),
    ca: intermediate,
    ...options,
  });
}

function found(made: { cert: string; key: string }, host = HOST, now = NOW): string[] {
  return inspectCertificate({ ...made, host, now }).map(({ severity, where, what }) => `${severity} ${where}: ${what}`);
}

Deno.test("inspectCertificate() finds nothing wrong with a good one", async () => {
  const good = await make();
  assertEquals(found(good), []);
  assertEquals(found(good, "0.0.0.0"), []);
  assertEquals(found(await make({ hosts: ["*.example.com"] })), []);
  assertEquals(found(await make({ hosts: ["203.0.113.9"] }), "203.0.113.9"), []);
  assertEquals(found(await make({ keyType: "rsa2048" })), []);
});

Deno.test("inspectCertificate() finds what clients would refuse", async () => {
  const good = await make();
  const other = await make();
  const leafOnly = { ...good, cert: good.cert.split(/(?<=END CERTIFICATE-----\n)/)[0]! };
  const reversed = { ...good, cert: good.cert.split(/(?<=END CERTIFICATE-----\n)/).reverse().join("") };
  const gap = { ...good, cert: leafOnly.cert + root.cert };
  const cases: [string, { cert: string; key: string }, RegExp[], string?, number?][] = [
    ["no certificate", { ...good, cert: "rubbish" }, [/^error tls.cert_file: Is not a PEM certificate$/]],
    ["broken certificate", { ...good, cert: good.cert.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA") }, [
      /not a PEM cert/,
    ]],
    ["no key", { ...good, key: "rubbish" }, [/^error tls.key_file: Is not a PEM private key$/]],
    ["key of another", { ...good, key: other.key }, [/^error tls.key_file: The key does not belong/]],
    ["chain reversed", reversed, [
      /^error tls.cert_file: The server's own certificate is not the first/,
    ]],
    ["chain missing", leafOnly, [
      /^warning tls.cert_file: The certificate of its issuer \(CN=Intermediate\) is missing$/,
    ]],
    ["chain with a gap", gap, [/^warning tls.cert_file: The chain is out of order or has a gap$/]],
    [
      "self-signed",
      await makeCertificate({ hosts: [HOST] }),
      [/^note tls.cert_file: Is self-signed$/],
      HOST,
      Date.now(),
    ],
    ["weak key", await make({ keyType: "rsa1024" }), [/^error tls.cert_file: Its RSA key has 1024 bits$/]],
    ["other host", await make({ hosts: ["a.example.com"] }), [
      /^warning tls.cert_file: Does not cover ws.example.com$/,
    ]],
    ["wildcard is one label", await make({ hosts: ["*.com"] }), [/Does not cover ws.example.com$/]],
    ["wildcard is not none", await make({ hosts: ["*.ws.example.com"] }), [/Does not cover/]],
    ["localhost only", await make({ hosts: ["localhost", "127.0.0.1", "::1"] }), [/Is for localhost only$/], "0.0.0.0"],
    ["no name", await make({ hosts: [] }), [/^error tls.cert_file: Names no host$/]],
    ["not yet", good, [/^error tls.cert_file: Is valid only from 2026-10-23T00:00:00.000Z$/], HOST, NOW - 31 * DAY],
    ["30 days", good, [/^warning tls.cert_file: Expires in 30 days, at 2027-01-21/], HOST, NOW + 30 * DAY],
    ["a day", good, [/Expires in a day/], HOST, NOW + 59 * DAY],
    ["an hour", good, [/Expires in less than a day/], HOST, NOW + 60 * DAY - 3_600_000],
    ["expired", good, [/^error tls.cert_file: Expired at 2027-01-21T00:00:00.000Z$/], HOST, NOW + 60 * DAY],
  ];
  for (const [what, made, expected, host = HOST, now = NOW] of cases) {
    const actual = found(made, host, now);
    assertEquals(actual.length, expected.length, `${what}: ${actual.join("; ")}`);
    expected.forEach((pattern, i) => assertMatch(actual[i]!, pattern, what));
  }
});

Deno.test("certificateErrors() names what makes a pair useless, not what is merely odd", async () => {
  const good = await make();
  assertEquals(certificateErrors({ ...good, now: NOW }), []);
  assertEquals(certificateErrors({ ...good, now: NOW + 59 * DAY }), []);
  assertEquals(certificateErrors({ ...good, key: (await make()).key, now: NOW }), [
    "tls.key_file: The key does not belong to the certificate. TLS can't start",
  ]);
  assertEquals(certificateErrors({ ...good, now: NOW + 61 * DAY }).length, 1);
});

Deno.test("expiryStage() changes at 30, 7 and 1 days and at the end, later for certificates that live shortly", () => {
  const long = { notBefore: 0, notAfter: 365 * DAY };
  const at = (left: number) => expiryStage(long, long.notAfter - left);
  assertEquals(
    [30 * DAY + 1, 30 * DAY, 7 * DAY + 1, 7 * DAY, DAY + 1, DAY, 1, 0, -1].map(at),
    [null, 30, 30, 7, 7, 1, 1, 0, 0],
  );
  const sixDays = { notBefore: 0, notAfter: 6 * DAY };
  assertEquals([3, 2, 1, 0.5, 0].map((left) => expiryStage(sixDays, (6 - left) * DAY)), [null, 30, 7, 1, 0]);
});

Deno.test("certificateFindings() reads the configured files, and says when it can't", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const tls = { cert_file: `${directory}/a.crt`, key_file: `${directory}/a.key` };
    const config = { server: { host: "localhost" }, tls } as unknown as Config;
    assertMatch((await certificateFindings(config))[0]!.what, /missing/);
    const { cert, key } = await makeCertificate({ hosts: ["localhost"], ca: root });
    await Deno.writeTextFile(tls.cert_file, cert + root.cert);
    await Deno.writeTextFile(tls.key_file, key);
    assertEquals(await certificateFindings(config), []);
    assertEquals(await certificateFindings({ server: { host: "localhost" } } as unknown as Config), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("CertificateWatch tells each stage once, and starts again with the next certificate", async () => {
  const lines: Record<string, unknown>[] = [];
  const clock = { now: NOW };
  const log = createLog({
    level: "info",
    format: "json",
    write: (line) => lines.push(JSON.parse(line)),
    now: () => clock.now,
  });
  const watch = new CertificateWatch(log, () => clock.now);
  assertEquals([watch.secondsLeft(), watch.valid()], [NaN, true]);
  watch.use((await make()).cert);
  const days = (left: number) => {
    clock.now = NOW + (60 - left) * DAY;
    watch.check();
    watch.check();
  };
  assertEquals([watch.secondsLeft(), lines], [60 * 86_400, []]);
  for (const left of [31, 30, 29, 16, 7, 2, 1, 0.5]) days(left);
  assertEquals(lines.map((line) => [line["event"], line["level"], line["days"]]), [
    ["certificate.expiring", "warn", 30],
    ["certificate.expiring", "warn", 7],
    ["certificate.expiring", "warn", 1],
  ]);
  assertEquals(watch.valid(), true);
  days(0);
  assertEquals([lines.at(-1)!["event"], lines.at(-1)!["level"]], ["certificate.expired", "error"]);
  assertEquals([watch.valid(), watch.secondsLeft()], [false, 0]);
  watch.use((await make()).cert);
  assertEquals([lines.length, lines.at(-1)!["event"]], [5, "certificate.expired"], "the next one has expired too");
  watch.use((await make({ notAfter: new Date(NOW + 365 * DAY) })).cert);
  assertEquals([lines.length, watch.valid()], [5, true]);
});

Deno.test("check names the file, and says of a self-signed certificate with three days left that they are three", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { cert, key } = await makeCertificate({
      hosts: [HOST],
      notBefore: new Date(NOW - 1000),
      notAfter: new Date(NOW + 3 * DAY + 1000),
    });
    const [certFile, keyFile] = [`${folder}/server.crt`, `${folder}/server.key`];
    await Deno.writeTextFile(certFile, cert);
    await Deno.writeTextFile(keyFile, key);
    const config = { tls: { cert_file: certFile, key_file: keyFile }, server: { host: HOST } } as unknown as Config;
    const told = (await certificateFindings(config, NOW)).map(({ severity, what }) => `${severity}: ${what}`);
    assertEquals(told, [
      `warning: ${certFile}: Expires in 3 days, at 2026-11-25T00:00:01.000Z`,
      `note: ${certFile}: Is self-signed`,
    ]);
    await Deno.writeTextFile(keyFile, "no key");
    assertMatch((await certificateFindings(config, NOW))[0]!.what, /server\.key: Is not a PEM private key$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
