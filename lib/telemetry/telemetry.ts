import { Counter, OTHER } from "./counter.ts";

/** Label values of `sallyport_handshakes_total{reason}`: `ok` and the reasons of refusals. */
export const HANDSHAKE_REASONS = [
  "ok",
  "bad_request",
  "subprotocol_unsupported",
  "subprotocol_required",
  "token_missing",
  "token_invalid",
  "token_expired",
  "token_revoked",
  "ticket_invalid",
  "origin_missing",
  "origin_not_allowed",
  "forbidden",
  "not_found",
  "method_not_allowed",
  "upgrade_required",
  "headers_too_large",
  "timeout",
  "rate_limited",
  "banned",
  "too_many_connections",
  "server_full",
  "draining",
  "overloaded",
  "tls_failed",
  "internal",
] as const;

/** Label values of `sallyport_messages_total{result}`. Incoming: `ok` or why not. Outgoing: `ok` or `dropped`. */
export const MESSAGE_RESULTS = [
  "ok",
  "dropped",
  "parse_error",
  "invalid_request",
  "method_not_found",
  "invalid_params",
  "internal",
  "rate_limited",
  "forbidden",
  "overloaded",
  "timeout",
  "message_too_big",
  "too_many_fragments",
  "binary_not_taken",
  "invalid_utf8",
  "protocol_error",
] as const;

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

export type LimitScope = typeof LIMIT_SCOPES[number];
export type RestartCause = typeof RESTART_CAUSES[number];

/** Upper bounds of the buckets of `sallyport_message_seconds`: the cell's round trip is about 0.1 ms, its timeout seconds. */
export const MESSAGE_SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
] as const;

/** Names of the gauges whose value is read at scrape. */
export type GaugeName = "connections" | "sendQueueBytes" | "certificateExpirySeconds";

/** Handler modules come from the configuration; more than that many of them share the label `other`. */
const MAX_MODULES = 64;

/**
 * What the server counts about itself: plain numbers, cheap enough for every message. A label value outside its fixed list
 * is counted as `other`, so that nothing a client sends can grow the metrics. `lib/telemetry/metrics.ts` prints them.
 */
export class Telemetry {
  readonly handshakes = new Counter(["accepted", "rejected"], HANDSHAKE_REASONS);
  readonly messages = new Counter(["in", "out"], MESSAGE_RESULTS);
  readonly limits = new Counter(LIMIT_SCOPES, [""]);
  readonly restarts = new Map<string, Counter>();
  /** By module: CPU time its processes have used so far (ms), and the memory of those that run (bytes). */
  readonly cellCpuMs = new Map<string, number>();
  readonly cellMemory = new Map<string, () => number>();
  /** Messages a bucket (not cumulative), the last one for everything slower. */
  readonly buckets: number[] = new Array(MESSAGE_SECONDS.length + 1).fill(0);
  secondsSum = 0;
  private readonly gauges = new Map<GaugeName, () => number>();

  /** A WebSocket handshake that was decided. `reason` is `ok` for accepted ones. */
  handshake(result: "accepted" | "rejected", reason: string): void {
    this.handshakes.add(result, reason === "" ? "ok" : reason);
  }

  /** A message that came in or went out; `result` is one of `MESSAGE_RESULTS`. */
  message(direction: "in" | "out", result: string): void {
    this.messages.add(direction, result);
  }

  /** Something was refused or delayed by a token bucket. */
  limited(scope: LimitScope): void {
    this.limits.add(scope, "");
  }

  /** A handler module was loaded: its restarts are printed from 0 on, so that the first one shows as an increase. */
  handlerModule(module: string): void {
    this.restartsOf(module);
  }

  /** Registers the function that tells the memory (bytes) of a module's processes, and counts their CPU time from now on. */
  handlerUsage(module: string, memory: () => number): void {
    if (this.cellMemory.size >= MAX_MODULES) return;
    this.cellMemory.set(module, memory);
    this.cellCpuMs.set(module, this.cellCpuMs.get(module) ?? 0);
  }

  /** A process of a module has used further CPU time. */
  handlerCpu(module: string, milliseconds: number): void {
    const before = this.cellCpuMs.get(module);
    if (before !== undefined) this.cellCpuMs.set(module, before + milliseconds);
  }

  /** A cell of a handler module was started anew. */
  handlerRestart(module: string, cause: RestartCause): void {
    this.restartsOf(module).add(cause, "");
  }

  /** The time from a request's arrival to its reply. */
  messageSeconds(seconds: number): void {
    if (!(seconds >= 0)) return;
    let bucket = 0;
    while (bucket < MESSAGE_SECONDS.length && seconds > MESSAGE_SECONDS[bucket]!) bucket++;
    this.buckets[bucket]!++;
    this.secondsSum += seconds;
  }

  /** Registers the function that a gauge is read from at each scrape; a later one replaces it. */
  gauge(name: GaugeName, read: () => number): void {
    this.gauges.set(name, read);
  }

  private restartsOf(module: string): Counter {
    const known = this.restarts.has(module) || this.restarts.size < MAX_MODULES ? module : OTHER;
    let counter = this.restarts.get(known);
    if (!counter) this.restarts.set(known, counter = new Counter(RESTART_CAUSES, [""]));
    return counter;
  }

  /** The gauge's value now, or null where none is registered or it has none to give. */
  read(name: GaugeName): number | null {
    const value = this.gauges.get(name)?.();
    return value === undefined || Number.isNaN(value) ? null : value;
  }
}
