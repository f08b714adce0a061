/** Counters and gauges of the server. */
import { HANDSHAKE_REASONS, MESSAGE_RESULTS } from "../gate/outcomes.ts";
import { Counter, OTHER } from "./counter.ts";

/** Label values of `sallyport_limited_total{scope}`. */
export const LIMIT_SCOPES = [
  "handshake",
  "handshake_user",
  "ip",
  "connection",
  "user",
  "method",
  "bytes",
  "ticket",
] as const;

/** Label values of `sallyport_handler_restarts_total{cause}`. */
export const RESTART_CAUSES = ["timeout", "out_of_memory", "crash", "reload"] as const;

/** Label values of `sallyport_cluster_published_total{result}`. */
export const PUBLISHED_RESULTS = ["sent", "local", "dropped", "unknown"] as const;

/** Publications of this node to the nodes of a cluster, by outcome. */
export type PublishedCounts = Readonly<Record<typeof PUBLISHED_RESULTS[number], number>>;

export type LimitScope = typeof LIMIT_SCOPES[number];
export type RestartCause = typeof RESTART_CAUSES[number];

/**
 * Upper bounds of the buckets of `sallyport_message_seconds`. The round trip to a cell is about 0.1 ms, its timeout
 * seconds.
 */
export const MESSAGE_SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
] as const;

/** A metric without labels. */
export interface Figure {
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** The value while nothing is registered; absent: the metric has no sample then. */
  readonly unknown?: number;
}

const figures = {
  sallyport_connections: { type: "gauge", help: "Open WebSocket connections.", unknown: 0 },
  sallyport_send_queue_bytes: {
    type: "gauge",
    help: "Bytes accepted for clients and not yet written.",
    unknown: 0,
  },
  sallyport_certificate_expiry_seconds: {
    type: "gauge",
    help: "Seconds until the certificate in use expires; negative when it has.",
  },
  sallyport_cluster_up: { type: "gauge", help: "1 while messages pass through the cluster's database, else 0." },
  sallyport_cluster_nodes: { type: "gauge", help: "Live nodes that this node knows, itself included." },
  sallyport_cluster_config_mismatch: { type: "gauge", help: "Live nodes with another configuration than this node." },
  sallyport_cluster_received_total: { type: "counter", help: "Messages received from the cluster's database." },
  sallyport_cluster_failures_total: { type: "counter", help: "Times that the link to the cluster's database failed." },
  sallyport_cluster_failed_calls_total: {
    type: "counter",
    help: "Calls of the cluster's database that failed or had no answer in time.",
  },
  sallyport_cluster_refused_messages_total: {
    type: "counter",
    help: "Control messages that no node of this cluster signed, or too old ones.",
  },
  sallyport_log_lost_total: { type: "counter", help: "Log lines that could not be written.", unknown: 0 },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof figures;

/** The metrics without labels by name. {@linkcode Telemetry.figure} registers where each is read at scrape. */
export const FIGURES: Readonly<Record<FigureName, Figure>> = figures;

/** Maximum number of handler modules with a label; further ones share `other`. */
const MAX_MODULES = 64;

/**
 * Counters of the server: plain numbers, cheap enough for every message. A label value outside its fixed list counts as
 * `other`, so that clients can't grow the metrics. `lib/telemetry/metrics.ts` prints them.
 */
export class Telemetry {
  readonly handshakes = new Counter(["accepted", "rejected"], HANDSHAKE_REASONS);
  readonly messages = new Counter(["in", "out"], MESSAGE_RESULTS);
  readonly limits = new Counter(LIMIT_SCOPES, [""]);
  readonly restarts = new Map<string, Counter>();
  /** By module: CPU time used by its processes (ms), and memory of the running ones (bytes). */
  readonly cellCpuMs = new Map<string, number>();
  readonly cellMemory = new Map<string, () => number>();
  /** Messages per bucket (not cumulative); the last bucket has no upper bound. */
  readonly buckets: number[] = new Array(MESSAGE_SECONDS.length + 1).fill(0);
  secondsSum = 0;
  /** Publications to other nodes; null for a single node. */
  published: () => PublishedCounts | null = () => null;
  private readonly figures = new Map<FigureName, () => number>();

  /** Counts a decided WebSocket handshake. `reason` is `ok` for accepted ones. */
  handshake(result: "accepted" | "rejected", reason: string): void {
    this.handshakes.add(result, reason === "" ? "ok" : reason);
  }

  /** Counts an inbound or outbound message. `result` is one of `MESSAGE_RESULTS`. */
  message(direction: "in" | "out", result: string): void {
    this.messages.add(direction, result);
  }

  /** Counts a refusal or delay by a token bucket. */
  limited(scope: LimitScope): void {
    this.limits.add(scope, "");
  }

  /** Registers a handler module. Its restarts are printed from 0 on, so that the first one shows as an increase. */
  handlerModule(module: string): void {
    this.restartsOf(module);
  }

  /**
   * Registers the function that returns the memory (bytes) of a module's processes, and starts counting their CPU time.
   */
  handlerUsage(module: string, memory: () => number): void {
    if (this.cellMemory.size >= MAX_MODULES) return;
    this.cellMemory.set(module, memory);
    this.cellCpuMs.set(module, this.cellCpuMs.get(module) ?? 0);
  }

  /** Adds CPU time of a module's process. */
  handlerCpu(module: string, milliseconds: number): void {
    const before = this.cellCpuMs.get(module);
    if (before !== undefined) this.cellCpuMs.set(module, before + milliseconds);
  }

  /** Counts a restart of a handler module's cell. */
  handlerRestart(module: string, cause: RestartCause): void {
    this.restartsOf(module).add(cause, "");
  }

  /** Records the time from a request's arrival to its reply. */
  messageSeconds(seconds: number): void {
    if (!(seconds >= 0)) return;
    let bucket = 0;
    while (bucket < MESSAGE_SECONDS.length && seconds > MESSAGE_SECONDS[bucket]!) bucket++;
    this.buckets[bucket]!++;
    this.secondsSum += seconds;
  }

  /** Registers the function that returns a figure's value at each scrape. A later one replaces it. */
  figure(name: FigureName, read: () => number): void {
    this.figures.set(name, read);
  }

  private restartsOf(module: string): Counter {
    const known = this.restarts.has(module) || this.restarts.size < MAX_MODULES ? module : OTHER;
    let counter = this.restarts.get(known);
    if (!counter) this.restarts.set(known, counter = new Counter(RESTART_CAUSES, [""]));
    return counter;
  }

  /** The current value of a figure; null when there is none. */
  read(name: FigureName): number | null {
    const value = this.figures.get(name)?.() ?? FIGURES[name].unknown;
    return value === undefined || Number.isNaN(value) ? null : value;
  }
}
