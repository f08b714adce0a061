/** The measurements: each row of each table, and the job that measures it. */
import type { Contestant, Service } from "./contestants.ts";
import { target } from "./contestants.ts";
import type { Fixtures } from "./fixtures.ts";
import type { Job } from "./load/job.ts";

export interface Scale {
  readonly rounds: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly idleConnections: number;
}

export const FULL: Scale = { rounds: 5, warmupMs: 1000, durationMs: 3000, idleConnections: 4000 };
export const QUICK: Scale = { rounds: 1, warmupMs: 400, durationMs: 800, idleConnections: 1000 };

/** One row; `fresh` ones need a server that has done nothing yet. */
export interface Measurement {
  readonly section: Section;
  readonly row: string;
  readonly contestant: string;
  readonly fresh: boolean;
  job(pid: number, port: number): Promise<Job>;
}

export const SECTIONS = ["whole", "raw", "ping", "idle", "handshakes", "broadcast"] as const;
export type Section = (typeof SECTIONS)[number];

export const CONNECTIONS = 100;
export const SUBSCRIBERS = 1000;
const TEXT = "0123456789abcdefghijklmnopqrstuv"; // 32 bytes
const PARALLEL_HANDSHAKES = 64; // enough that no server idles while one waits for a delayed acknowledgement
const MOST_HANDSHAKES_PER_SECOND = 4000; // tokens are signed before the clock starts

function request(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

/** Name of a row that several tables may have: server, kind, and number in flight. */
export function rowName(contestant: string, service: Service, inFlight?: number): string {
  const checks = contestant.startsWith("sallyport") || service === "raw"
    ? ""
    : service === "bare"
    ? ", no checks"
    : ", same checks";
  return `${contestant}${checks}${inFlight === undefined ? "" : `, ${inFlight} in flight`}`;
}

function throughputs(contestant: Contestant, fixtures: Fixtures, scale: Scale): Measurement[] {
  const { warmupMs, durationMs } = scale;
  const found: Measurement[] = [];
  const add = (section: Section, service: Service, frame: "text" | "ping", payload: string) => {
    if (!contestant.services.has(service)) return;
    for (const inFlight of [1, 16]) {
      found.push({
        section,
        row: rowName(contestant.name, service, inFlight),
        contestant: contestant.name,
        fresh: false,
        async job(pid, port) {
          const to = target(contestant, service, port, fixtures, await fixtures.token("bench"));
          return {
            kind: "throughput",
            target: to,
            pid,
            frame,
            payload,
            connections: CONNECTIONS,
            inFlight,
            warmupMs,
            durationMs,
          };
        },
      });
    }
  };
  add("whole", "whole", "text", request("echo", { text: TEXT }));
  add("whole", "bare", "text", request("echo", { text: TEXT }));
  add("raw", "raw", "text", TEXT);
  add("ping", "raw", "ping", TEXT);
  return found;
}

function others(contestant: Contestant, fixtures: Fixtures, scale: Scale): Measurement[] {
  const { warmupMs, durationMs } = scale;
  const own = { contestant: contestant.name, fresh: true };
  const to = async (service: Service, port: number) =>
    target(contestant, service, port, fixtures, await fixtures.token("bench"));
  const found: Measurement[] = [{
    ...own,
    section: "idle",
    row: contestant.name,
    job: async (pid, port) => ({
      kind: "idle",
      target: await to("raw", port),
      pid,
      payload: TEXT,
      warmup: 500,
      count: scale.idleConnections,
      settleMs: 3000,
    }),
  }, {
    ...own,
    section: "broadcast",
    row: contestant.name,
    job: async (pid, port) => ({
      kind: "broadcast",
      target: await to("room", port),
      ...(contestant.name.startsWith("sallyport") ? { join: request("join", {}) } : {}),
      publisher: await to("publish", port),
      publish: request("publish", { text: TEXT }),
      pid,
      subscribers: SUBSCRIBERS,
      warmupMs,
      durationMs,
    }),
  }];
  if (contestant.services.has("admitted")) {
    const count = Math.ceil(((warmupMs + durationMs) / 1000) * MOST_HANDSHAKES_PER_SECOND);
    found.push({
      ...own,
      section: "handshakes",
      row: rowName(contestant.name, "admitted"),
      job: async (pid, port) => ({
        kind: "handshakes",
        target: await to("admitted", port),
        pid,
        tokens: await Promise.all(Array.from({ length: count }, (_, i) => fixtures.token(`user-${i}`))),
        parallel: PARALLEL_HANDSHAKES,
        warmupMs,
        durationMs,
      }),
    });
  }
  return found;
}

/** All rows for these contestants, in the order of one round. */
export function measurements(all: readonly Contestant[], fixtures: Fixtures, scale: Scale): Measurement[] {
  const rows = all.flatMap((one) => [...throughputs(one, fixtures, scale), ...others(one, fixtures, scale)]);
  return SECTIONS.flatMap((section) => rows.filter((row) => row.section === section));
}
