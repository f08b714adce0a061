/** The Prometheus metrics of the server. */
import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { LIMIT_SCOPES, MESSAGE_SECONDS, RESTART_CAUSES, type Telemetry } from "./telemetry.ts";

export interface MetricsOptions {
  telemetry: Telemetry;
  version: string;
  /** Start of the process, milliseconds since the epoch. */
  startedAt: number;
  /** Number of log lines that were lost. */
  logLost?: () => number;
}

/** The text of a scrape and its media type. */
export interface Scrape {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * Creates the metrics of the operators' server. They are built from `telemetry` at each scrape; prom-client does
 * nothing between scrapes. Every label value comes from a fixed list or from the configuration. The process figures
 * need no permission.
 */
export function createMetrics(options: MetricsOptions): Scrape {
  const { telemetry } = options;
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | null) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });

  gauge("sallyport_connections", "Open WebSocket connections.", () => telemetry.read("connections") ?? 0);
  new Counter({
    name: "sallyport_handshakes_total",
    help: "WebSocket handshakes by result, refused ones by reason.",
    labelNames: ["result", "reason"],
    registers,
    collect() {
      this.reset();
      this.inc({ result: "accepted", reason: "ok" }, telemetry.handshakes.get("accepted", "ok"));
      for (const [result, reason, value] of telemetry.handshakes.entries()) {
        if (reason !== "ok") this.inc({ result, reason }, value);
      }
    },
  });
  new Counter({
    name: "sallyport_messages_total",
    help: "Messages by direction and result.",
    labelNames: ["direction", "result"],
    registers,
    collect() {
      this.reset();
      for (const direction of ["in", "out"]) {
        this.inc({ direction, result: "ok" }, telemetry.messages.get(direction, "ok"));
      }
      for (const [direction, result, value] of telemetry.messages.entries()) {
        if (result !== "ok") this.inc({ direction, result }, value);
      }
    },
  });
  new MessageSeconds(telemetry, registry);
  new Counter({
    name: "sallyport_limited_total",
    help: "Handshakes and messages refused or delayed by a token bucket, by its scope.",
    labelNames: ["scope"],
    registers,
    collect() {
      this.reset();
      for (const scope of LIMIT_SCOPES) this.inc({ scope }, telemetry.limits.get(scope, ""));
    },
  });
  new Counter({
    name: "sallyport_handler_restarts_total",
    help: "Restarts of cells, by handler module and cause.",
    labelNames: ["module", "cause"],
    registers,
    collect() {
      this.reset();
      for (const [module, causes] of telemetry.restarts) {
        for (const cause of RESTART_CAUSES) this.inc({ module, cause }, causes.get(cause, ""));
      }
    },
  });
  new Gauge({
    name: "sallyport_cell_memory_bytes",
    help: "Memory of a handler module's processes beyond what empty ones need, in bytes.",
    labelNames: ["module"],
    registers,
    collect() {
      this.reset();
      for (const [module, memory] of telemetry.cellMemory) this.set({ module }, memory());
    },
  });
  new Counter({
    name: "sallyport_cell_cpu_seconds_total",
    help: "CPU time of a handler module's processes, in seconds.",
    labelNames: ["module"],
    registers,
    collect() {
      this.reset();
      for (const [module, milliseconds] of telemetry.cellCpuMs) this.inc({ module }, milliseconds / 1000);
    },
  });
  gauge(
    "sallyport_send_queue_bytes",
    "Bytes accepted for clients and not yet written.",
    () => telemetry.read("sendQueueBytes") ?? 0,
  );
  gauge(
    "sallyport_certificate_expiry_seconds",
    "Seconds until the certificate in use expires; negative when it has.",
    () => telemetry.read("certificateExpirySeconds"),
  );
  counter("sallyport_log_lost_total", "Log lines that could not be written.", () => options.logLost?.() ?? 0);
  new Gauge({
    name: "sallyport_build_info",
    help: "1, with the version as label.",
    labelNames: ["version", "deno"],
    registers,
  }).set({ version: options.version, deno: Deno.version.deno }, 1);
  processFigures(counter, gauge, options.startedAt);

  return { contentType: registry.contentType, text: () => registry.metrics() };
}

/** The names of prom-client's default metrics. The original ones read `/proc/self`, which needs a permission. */
function processFigures(
  counter: (name: string, help: string, read: () => number) => void,
  gauge: (name: string, help: string, read: () => number) => void,
  startedAt: number,
): void {
  const cpu = process.cpuUsage;
  counter("process_cpu_user_seconds_total", "User CPU time spent, in seconds.", () => cpu().user / 1e6);
  counter("process_cpu_system_seconds_total", "System CPU time spent, in seconds.", () => cpu().system / 1e6);
  counter("process_cpu_seconds_total", "CPU time spent, in seconds.", () => (cpu().user + cpu().system) / 1e6);
  gauge("process_start_time_seconds", "Start of the process, in seconds since the epoch.", () => startedAt / 1000);
  gauge("process_resident_memory_bytes", "Resident memory, in bytes.", () => Deno.memoryUsage().rss);
  gauge("process_heap_bytes", "Size of the front's JavaScript heap, in bytes.", () => Deno.memoryUsage().heapTotal);
  gauge("process_heap_used_bytes", "Used part of that heap, in bytes.", () => Deno.memoryUsage().heapUsed);
  gauge("process_external_memory_bytes", "Memory of buffers outside it, in bytes.", () => Deno.memoryUsage().external);
}

/** A histogram with buckets counted elsewhere; prom-client's own allocates for each observation. */
class MessageSeconds extends Histogram<string> {
  constructor(private readonly telemetry: Telemetry, registry: Registry) {
    super({
      name: "sallyport_message_seconds",
      help: "Time from a request's arrival to its reply, in seconds.",
      buckets: [...MESSAGE_SECONDS],
      registers: [registry],
    });
  }

  override get(): ReturnType<Histogram<string>["get"]> {
    const metricName = (suffix: string) => `sallyport_message_seconds_${suffix}`;
    let count = 0;
    const buckets = this.telemetry.buckets.map((value, index) => ({
      metricName: metricName("bucket"),
      exemplar: null,
      labels: { le: MESSAGE_SECONDS[index] ?? "+Inf" },
      value: count += value,
    }));
    const values = [
      ...buckets,
      { metricName: metricName("sum"), labels: {}, value: this.telemetry.secondsSum },
      { metricName: metricName("count"), labels: {}, value: count },
    ];
    const metric = {
      name: "sallyport_message_seconds",
      help: "Time from a request's arrival to its reply, in seconds.",
    };
    return Promise.resolve({ ...metric, type: "histogram", values, aggregator: "sum" } as never);
  }

  getForPromString(): ReturnType<Histogram<string>["get"]> {
    return this.get();
  }
}
