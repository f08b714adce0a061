import fc from "fast-check";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { LIMIT_SCOPES, type LimitScope, PUBLISHED_RESULTS, Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assert, assertEquals } from "../assert.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";

function setup() {
  const telemetry = new Telemetry();
  const metrics = createMetrics({ telemetry, version: "1.2.3", startedAt: 1_700_000_000_000 });
  return { telemetry, scrape: async () => parseScrape(await metrics.text()), metrics };
}

Deno.test("createMetrics() declares every metric with its type before anything happened", async () => {
  const { scrape, metrics } = setup();
  const { types } = await scrape();
  assertEquals(Object.fromEntries([...types].filter(([name]) => name.startsWith("sallyport_"))), {
    sallyport_connections: "gauge",
    sallyport_handshakes_total: "counter",
    sallyport_messages_total: "counter",
    sallyport_message_seconds: "histogram",
    sallyport_limited_total: "counter",
    sallyport_handler_restarts_total: "counter",
    sallyport_cell_memory_bytes: "gauge",
    sallyport_cell_cpu_seconds_total: "counter",
    sallyport_send_queue_bytes: "gauge",
    sallyport_certificate_expiry_seconds: "gauge",
    sallyport_cluster_up: "gauge",
    sallyport_cluster_nodes: "gauge",
    sallyport_cluster_config_mismatch: "gauge",
    sallyport_cluster_published_total: "counter",
    sallyport_cluster_received_total: "counter",
    sallyport_cluster_failures_total: "counter",
    sallyport_cluster_failed_calls_total: "counter",
    sallyport_cluster_refused_messages_total: "counter",
    sallyport_log_lost_total: "counter",
    sallyport_build_info: "gauge",
  });
  assertEquals(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("createMetrics() counts every limit from zero, and tells nothing of a certificate without one", async () => {
  const { samples } = await setup().scrape();
  for (const scope of LIMIT_SCOPES) assertEquals(value(samples, "sallyport_limited_total", { scope }), 0, scope);
  assertEquals(samples.filter(({ name }) => name === "sallyport_certificate_expiry_seconds"), []);
});

Deno.test("createMetrics() prints the current counts at each scrape", async () => {
  const { telemetry, scrape } = setup();
  telemetry.figure("sallyport_log_lost_total", () => 7);
  telemetry.figure("sallyport_connections", () => 12);
  telemetry.figure("sallyport_send_queue_bytes", () => 4096);
  telemetry.figure("sallyport_certificate_expiry_seconds", () => -5);
  telemetry.handshake("accepted", "ok");
  telemetry.handshake("rejected", "origin_not_allowed");
  telemetry.message("in", "ok");
  telemetry.message("out", "dropped");
  telemetry.limited("user");
  telemetry.handlerModule("echo.ts");
  telemetry.handlerRestart("chat.ts", "timeout");
  telemetry.handlerUsage("echo.ts", () => 1024);
  telemetry.handlerCpu("echo.ts", 1500);
  telemetry.handlerCpu("echo.ts", 500);
  telemetry.handlerCpu("unknown.ts", 500);
  await scrape();
  telemetry.message("in", "ok");
  const { samples } = await scrape();
  const of = (name: string, labels?: Record<string, string>) => value(samples, `sallyport_${name}`, labels);
  assertEquals(of("connections"), 12);
  assertEquals(of("send_queue_bytes"), 4096);
  assertEquals(of("certificate_expiry_seconds"), -5);
  assertEquals(of("handshakes_total", { result: "accepted", reason: "ok" }), 1);
  assertEquals(of("handshakes_total", { result: "rejected", reason: "origin_not_allowed" }), 1);
  assertEquals(of("messages_total", { direction: "in", result: "ok" }), 2);
  assertEquals(of("messages_total", { direction: "out", result: "dropped" }), 1);
  assertEquals(of("limited_total", { scope: "user" }), 1);
  assertEquals(of("limited_total", { scope: "ip" }), 0);
  assertEquals(of("handler_restarts_total", { module: "chat.ts", cause: "timeout" }), 1);
  assertEquals(of("handler_restarts_total", { module: "chat.ts", cause: "crash" }), 0);
  assertEquals(of("handler_restarts_total", { module: "echo.ts", cause: "timeout" }), 0, "not yet restarted");
  assertEquals(of("cell_memory_bytes", { module: "echo.ts" }), 1024);
  assertEquals(of("cell_cpu_seconds_total", { module: "echo.ts" }), 2);
  assertEquals(samples.filter(({ labels }) => labels["module"] === "unknown.ts"), []);
  assertEquals(of("log_lost_total"), 7);
  assertEquals(of("build_info", { version: "1.2.3", deno: Deno.version.deno }), 1);
});

Deno.test("createMetrics() prints the figures of a cluster from zero, and none of a single node", async () => {
  const { telemetry, scrape } = setup();
  const ofCluster = async () => (await scrape()).samples.filter(({ name }) => name.startsWith("sallyport_cluster_"));
  assertEquals(await ofCluster(), []);
  telemetry.figure("sallyport_cluster_up", () => 1);
  telemetry.figure("sallyport_cluster_failures_total", () => 0);
  telemetry.published = () => ({ sent: 5, local: 0, dropped: 2, unknown: 0 });
  const samples = await ofCluster();
  const of = (name: string, labels?: Record<string, string>) => value(samples, `sallyport_cluster_${name}`, labels);
  assertEquals([of("up"), of("failures_total"), of("received_total")], [1, 0, undefined]);
  const published = PUBLISHED_RESULTS.map((result) => of("published_total", { result }));
  assertEquals(published, [5, 0, 2, 0]);
});

Deno.test("createMetrics() prints a cumulative histogram whose count is its last bucket", async () => {
  const { telemetry, scrape } = setup();
  for (const seconds of [0.00005, 0.0002, 0.0002, 3, 60]) telemetry.messageSeconds(seconds);
  const { samples } = await scrape();
  const buckets = samples.filter((sample) => sample.name === "sallyport_message_seconds_bucket");
  const values = buckets.map((sample) => sample.value);
  assertEquals(values, [...values].sort((a, b) => a - b));
  assertEquals([values[0], values[1], values.at(-2), values.at(-1)], [1, 3, 4, 5]);
  assertEquals(buckets.at(-1)!.labels, { le: "+Inf" });
  assertEquals(value(samples, "sallyport_message_seconds_count"), 5);
  assert(Math.abs(value(samples, "sallyport_message_seconds_sum")! - 63.00045) < 1e-9);
});

Deno.test("createMetrics() reports the process without any permission", async () => {
  const { scrape } = setup();
  const { samples } = await scrape();
  assertEquals(value(samples, "process_start_time_seconds"), 1_700_000_000);
  for (const name of ["resident_memory_bytes", "heap_bytes", "heap_used_bytes", "cpu_seconds_total"]) {
    assert(value(samples, `process_${name}`)! > 0, name);
  }
  const url = new URL("../../lib/telemetry/", import.meta.url).href;
  const program = `import { createMetrics } from "${url}metrics.ts"; import { Telemetry } from "${url}telemetry.ts";
    const metrics = createMetrics({ telemetry: new Telemetry(), version: "1", startedAt: 0 });
    console.log((await metrics.text()).includes("process_resident_memory_bytes "));`;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/scrape.ts`, program);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--config", config, `${directory}/scrape.ts`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "true", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("createMetrics() does not grow with anything that clients send", async () => {
  const { telemetry, scrape } = setup();
  const attack = () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        telemetry.handshake("rejected", text);
        telemetry.handshake(text as "accepted", text);
        telemetry.message("in", text);
        telemetry.message(text as "out", "ok");
        telemetry.limited(text as LimitScope);
      }),
      { numRuns: 2000 },
    );
  attack();
  const before = (await scrape()).samples.length;
  attack();
  assertEquals((await scrape()).samples.length, before);
});

Deno.test("createMetrics() escapes a module's name", async () => {
  const { telemetry, scrape } = setup();
  telemetry.handlerRestart('a"b\\c\nd', "crash");
  const { samples } = await scrape();
  assertEquals(value(samples, "sallyport_handler_restarts_total", { module: 'a"b\\c\nd', cause: "crash" }), 1);
});
