/** The Prometheus metrics of the server. */
import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Counter as LabelCounter } from "./counter.ts";
import {
  type FigureName,
  FIGURES,
  LIMIT_SCOPES,
  MESSAGE_SECONDS,
  PUBLISHED_RESULTS,
  RESTART_CAUSES,
  type Telemetry,
} from "./telemetry.ts";

export interface MetricsOptions {
  telemetry: Telemetry;
  version: string;
  /** Start of the process, milliseconds since the epoch. */
  startedAt: number;
}

/** The text of a scrape and its media type. */
export interface Scrape {
  readonly contentType: string;
  text(): Promise<string>;
}

/** A metric with labels. */
interface Family {
  readonly type: "gauge" | "counter";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** The values of the labels, in their order, with the value of the sample. */
  samples(telemetry: Telemetry): Iterable<Sample>;
}

type Sample = readonly [labels: readonly string[], value: number];

/** The metrics with labels. */
const FAMILIES: readonly Family[] = [
  {
    type: "counter",
    name: "sallyport_handshakes_total",
    help: "WebSocket handshakes by result, refused ones by reason.",
    labels: ["result", "reason"],
    samples: ({ handshakes }) => counted(handshakes, ["accepted", "ok"]),
  },
  {
    type: "counter",
    name: "sallyport_messages_total",
    help: "Messages by direction and result.",
    labels: ["direction", "result"],
    samples: ({ messages }) => counted(messages, ["in", "ok"], ["out", "ok"]),
  },
  {
    type: "counter",
    name: "sallyport_limited_total",
    help: "Handshakes and messages refused or delayed by a token bucket, by its scope.",
    labels: ["scope"],
    samples: ({ limits }) => LIMIT_SCOPES.map((scope) => [[scope], limits.get(scope, "")]),
  },
  {
    type: "counter",
    name: "sallyport_handler_restarts_total",
    help: "Restarts of cells, by handler module and cause.",
    labels: ["module", "cause"],
    samples: ({ restarts }) =>
      [...restarts].flatMap(([module, causes]) =>
        RESTART_CAUSES.map((cause) => [[module, cause], causes.get(cause, "")] as const)
      ),
  },
  {
    type: "counter",
    name: "sallyport_cluster_published_total",
    help: "Publications of this node to the nodes of the cluster by result.",
    labels: ["result"],
    samples: ({ published }) => {
      const counts = published();
      return counts === null ? [] : PUBLISHED_RESULTS.map((result) => [[result], counts[result]]);
    },
  },
  {
    type: "gauge",
    name: "sallyport_cell_memory_bytes",
    help: "Memory of a handler module's processes beyond what empty ones need, in bytes.",
    labels: ["module"],
    samples: ({ cellMemory }) => [...cellMemory].map(([module, memory]) => [[module], memory()]),
  },
  {
    type: "counter",
    name: "sallyport_cell_cpu_seconds_total",
    help: "CPU time of a handler module's processes, in seconds.",
    labels: ["module"],
    samples: ({ cellCpuMs }) => [...cellCpuMs].map(([module, milliseconds]) => [[module], milliseconds / 1000]),
  },
];

/** The counts of a counter; `always` are shown before they were counted once, so that the first one is an increase. */
function* counted(
  counter: LabelCounter,
  ...always: readonly (readonly [string, string])[]
): Generator<Sample> {
  for (const labels of always) yield [labels, counter.get(...labels)];
  for (const [first, second, value] of counter.entries()) {
    if (!always.some((labels) => labels[0] === first && labels[1] === second)) yield [[first, second], value];
  }
}

function addFamily(
  { type, name, help, labels: labelNames, samples }: Family,
  telemetry: Telemetry,
  registry: Registry,
) {
  const named = (values: readonly string[]) => Object.fromEntries(labelNames.map((label, at) => [label, values[at]!]));
  new (type === "counter" ? Counter : Gauge)({
    name,
    help,
    labelNames,
    registers: [registry],
    collect(this: Counter | Gauge) {
      this.reset();
      for (const [labels, value] of samples(telemetry)) this.inc(named(labels), value);
    },
  });
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
  const counter = (name: string, help: string, read: () => number | null) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        const value = read();
        this.reset();
        if (value === null) this.remove();
        else this.inc(value);
      },
    });

  for (const [name, { type, help }] of Object.entries(FIGURES)) {
    const read = () => telemetry.read(name as FigureName);
    if (type === "gauge") gauge(name, help, read);
    else counter(name, help, read);
  }
  for (const family of FAMILIES) addFamily(family, telemetry, registry);
  new MessageSeconds(telemetry, registry);
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
  counter: (name: string, help: string, read: () => number | null) => void,
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
