/** Order and report of one run of the load generator, each as one line of JSON. */
import type { Usage } from "./process_figures.ts";
import type { Target } from "./connection.ts";

interface Common {
  readonly target: Target;
  /** Process whose CPU and memory are read. */
  readonly pid: number;
}

/** Closed loop: each of `connections` keeps `inFlight` frames under way. */
export interface ThroughputJob extends Common {
  readonly kind: "throughput";
  readonly frame: "text" | "ping";
  readonly payload: string;
  readonly connections: number;
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** Opens `count` connections beyond `warmup` ones, uses each once, and leaves them alone. */
export interface IdleJob extends Common {
  readonly kind: "idle";
  readonly payload: string;
  readonly warmup: number;
  readonly count: number;
  readonly settleMs: number;
}

/** TLS and WebSocket handshake, each with a token of its own, `parallel` at a time, closed as soon as the 101 is there. */
export interface HandshakeJob extends Common {
  readonly kind: "handshakes";
  readonly tokens: readonly string[];
  readonly parallel: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** One publisher, `subscribers` receivers; the next message goes when all have the one before. */
export interface BroadcastJob extends Common {
  readonly kind: "broadcast";
  /** The message that subscribes; absent where connecting is enough. */
  readonly join?: string;
  readonly publisher: Target;
  readonly publish: string;
  readonly subscribers: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

export type Job = ThroughputJob | IdleJob | HandshakeJob | BroadcastJob;

/** Rates are per second, times in ms (latency) or µs (CPU), memory in bytes. */
export interface Figures {
  /** Messages, handshakes or deliveries a second; absent for `idle`. */
  readonly rate?: number;
  /** Server CPU, µs for each of them. */
  readonly cpuUs?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly bytesPerConnection?: number;
  readonly usage?: Usage;
}
