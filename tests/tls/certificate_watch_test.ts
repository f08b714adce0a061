import { CertificateWatch } from "../../lib/tls/certificate_watch.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { assertEquals } from "../assert.ts";
import { Lines } from "../helpers/limits.ts";

const DAY = 86_400_000;
const BEGIN = Date.UTC(2026, 0, 1);

Deno.test("CertificateWatch.valid() from the begin of a certificate to its end", async () => {
  const clock = { ms: BEGIN };
  const watch = new CertificateWatch(new Lines(), () => clock.ms);
  assertEquals([watch.valid(), watch.secondsLeft()], [true, NaN], "without TLS");
  const { cert } = await makeCertificate({
    hosts: ["localhost"],
    notBefore: new Date(BEGIN),
    notAfter: new Date(BEGIN + 90 * DAY),
  });
  watch.use(cert);
  for (const [moment, valid] of [[-1, false], [0, true], [90 * DAY - 1000, true], [90 * DAY, false]] as const) {
    clock.ms = BEGIN + moment;
    assertEquals(watch.valid(), valid, `${moment} ms after its begin`);
  }
});

Deno.test("CertificateWatch.check() tells once each that the end is near, and that it has come", async () => {
  const clock = { ms: BEGIN };
  const log = new Lines();
  const watch = new CertificateWatch(log, () => clock.ms);
  const dates = { notBefore: new Date(BEGIN), notAfter: new Date(BEGIN + 90 * DAY) };
  watch.use((await makeCertificate({ hosts: ["localhost"], ...dates })).cert);
  assertEquals(log.events(), []);
  for (const left of [31, 30, 29, 7, 6, 1, 0.5, 0, -1]) {
    clock.ms = BEGIN + (90 - left) * DAY;
    watch.check();
    watch.check();
  }
  assertEquals(log.of("certificate.expiring").map(({ days }) => days), [30, 7, 1]);
  assertEquals(log.of("certificate.expired").length, 1);
});
