/** Limits on a clock of the test, and a log that keeps its lines. */
import { Limits, type LimitSettings } from "../../lib/limits/limits.ts";
import type { Fields, Level, Log } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";

/** A clock that stands still until it is told otherwise, in milliseconds. */
export class Clock {
  constructor(public time: number = 1_000_000) {}
  readonly now = (): number => this.time;
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

/** A log that keeps its lines. */
export class Lines implements Log {
  level: Level = "debug";
  readonly lines: { level: Level; event: string; fields: Fields }[] = [];
  debug = (event: string, fields: Fields = {}): void => this.#add("debug", event, fields);
  info = (event: string, fields: Fields = {}): void => this.#add("info", event, fields);
  warn = (event: string, fields: Fields = {}): void => this.#add("warn", event, fields);
  error = (event: string, fields: Fields = {}): void => this.#add("error", event, fields);

  events(): string[] {
    return this.lines.map(({ event }) => event);
  }

  of(event: string): Fields[] {
    return this.lines.filter((line) => line.event === event).map(({ fields }) => fields);
  }

  #add(level: Level, event: string, fields: Fields): void {
    this.lines.push({ level, event, fields });
  }
}

/** The defaults of the configuration, with changes. */
export function settings(changes: Partial<LimitSettings> = {}): LimitSettings {
  return {
    handshake: { rate: 5, burst: 20 },
    handshake_user: { rate: 1, burst: 20 },
    ip: { rate: 200, burst: 400 },
    connection: { rate: 50, burst: 100, bytes_rate: 262_144, bytes_burst: 1_048_576 },
    user: { rate: 100, burst: 200 },
    ticket: { rate: 1, burst: 10 },
    types: {},
    on_exceed: "reject",
    max_violations: 20,
    ban: 60_000,
    never_ban: [],
    ...changes,
  };
}

/** Limits with a clock, log and store in the hand of the test. */
export interface TestLimits {
  limits: Limits;
  clock: Clock;
  log: Lines;
  telemetry: Telemetry;
  store: Store;
}

/** Limits on a simulated clock and a store in memory. */
export function makeLimits(changes: Partial<LimitSettings> = {}): TestLimits {
  const clock = new Clock();
  const log = new Lines();
  const telemetry = new Telemetry();
  const store = new MemoryStore(clock.now);
  const limits = new Limits(settings(changes), { log, telemetry, store, now: clock.now });
  return { limits, clock, log, telemetry, store };
}

/** How often in a row `attempt` succeeds, up to `most`. */
export function countUntilRefused(attempt: () => boolean, most = 10_000): number {
  for (let count = 0; count < most; count++) if (!attempt()) return count;
  return most;
}
