import { HANDSHAKE_REASONS, MESSAGE_RESULTS } from "../../lib/gate/outcomes.ts";
import { MESSAGE_SECONDS, Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assertEquals } from "../assert.ts";

Deno.test("Telemetry counts handshakes by result and reason", () => {
  const telemetry = new Telemetry();
  telemetry.handshake("accepted", "ok");
  telemetry.handshake("accepted", "");
  for (let i = 0; i < 3; i++) telemetry.handshake("rejected", "origin_not_allowed");
  assertEquals([...telemetry.handshakes.entries()], [["accepted", "ok", 2], ["rejected", "origin_not_allowed", 3]]);
});

Deno.test("Telemetry has a label for every outcome of the catalogue", () => {
  const telemetry = new Telemetry();
  for (const reason of HANDSHAKE_REASONS) telemetry.handshake("rejected", reason);
  assertEquals([...telemetry.handshakes.entries()], HANDSHAKE_REASONS.map((reason) => ["rejected", reason, 1]));
  for (const result of MESSAGE_RESULTS) telemetry.message("in", result);
  assertEquals([...telemetry.messages.entries()], MESSAGE_RESULTS.map((result) => ["in", result, 1]));
});

Deno.test("Telemetry counts values outside its lists as other", () => {
  const telemetry = new Telemetry();
  for (let i = 0; i < 1000; i++) {
    telemetry.handshake("rejected", `reason-${i}`);
    telemetry.message("in", `method-${i}`);
    telemetry.limited(`scope-${i}` as "ip");
    telemetry.handlerRestart(`module-${i}`, "crash");
  }
  telemetry.message("in", "__proto__");
  assertEquals([...telemetry.handshakes.entries()], [["rejected", "other", 1000]]);
  assertEquals([...telemetry.messages.entries()], [["in", "other", 1001]]);
  assertEquals([...telemetry.limits.entries()], [["other", "", 1000]]);
  assertEquals(telemetry.restarts.size, 65);
  assertEquals(telemetry.restarts.get("other")?.get("crash", ""), 1000 - 64);
});

Deno.test("Telemetry.messageSeconds() puts a bound into its own bucket and what is over into the next", () => {
  const telemetry = new Telemetry();
  telemetry.messageSeconds(0);
  telemetry.messageSeconds(MESSAGE_SECONDS[0]);
  telemetry.messageSeconds(MESSAGE_SECONDS[0] + 1e-9);
  telemetry.messageSeconds(10);
  telemetry.messageSeconds(10.1);
  telemetry.messageSeconds(NaN);
  telemetry.messageSeconds(-1);
  assertEquals(telemetry.buckets.slice(0, 2), [2, 1]);
  assertEquals(telemetry.buckets.slice(-2), [1, 1]);
});

Deno.test("Telemetry.read() gives a figure's value at that moment, else what it is while unknown", () => {
  const telemetry = new Telemetry();
  let connections = 3;
  telemetry.figure("sallyport_connections", () => connections);
  telemetry.figure("sallyport_certificate_expiry_seconds", () => NaN);
  assertEquals(telemetry.read("sallyport_connections"), 3);
  connections = 4;
  assertEquals(telemetry.read("sallyport_connections"), 4);
  assertEquals(telemetry.read("sallyport_certificate_expiry_seconds"), null);
  assertEquals(telemetry.read("sallyport_send_queue_bytes"), 0);
});
