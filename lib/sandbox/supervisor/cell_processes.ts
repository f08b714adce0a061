/** The processes of all cells of a configuration, with bounds on their number and start rate. */
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { cellCount } from "../../config/cells.ts";
import { type Rate, TokenBucket } from "../../limits/bucket.ts";
import type { HandlerSettings } from "../wire/handler_settings.ts";
import type { CellOrders, CellProcess, CellProcessEvents, CellStarter } from "../wire/processes.ts";
import { cellFlags, grantedVariables } from "./cell_flags.ts";
import { RunningCell } from "./cell_process.ts";
import { end } from "./process_end.ts";
import type { Program } from "./program.ts";
import { LOOK_MS } from "./silence.ts";

const SECRET_BYTES = 32;
/** Starts a second in the long run: of one module for each of its cells, and in total. */
const MODULE_STARTS_PER_S = 1;
const TOTAL_STARTS_PER_S = 20;

export interface CellProcessesOptions {
  readonly handlers: readonly HandlerSettings[];
  readonly socketPath: string;
  readonly program: Program;
  /** Environment; modules get the variables that their permissions name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Processors, for `cells = 0`. */
  readonly cores: number;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** A requested start, executed when the rate allows it. */
interface CellEntry {
  readonly module: number;
  readonly events: CellProcessEvents;
  running: RunningCell | undefined;
  over: boolean;
}

/** Starts, watches and ends the processes of cells, for one front at a time. */
export class CellProcesses implements CellStarter {
  readonly socketPath: string;
  readonly #options: CellProcessesOptions;
  readonly #rates: readonly TokenBucket[];
  readonly #totalRate: TokenBucket;
  /** Maximum number of processes of each module: old and new ones during a replacement, and one more. */
  readonly #most: readonly number[];
  readonly #entries = new Set<CellEntry>();
  #waiting: CellEntry[] = [];
  /** Sequence number of the last start, by module. */
  readonly #lastStart: number[];
  #starts = 0;
  #pump: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #lookedAt = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  constructor(options: CellProcessesOptions) {
    const { handlers, cores, now, socketPath } = options;
    this.#options = options;
    this.socketPath = socketPath;
    this.#most = handlers.map((handler) => 2 * (cellCount(handler, cores) + 1));
    this.#lastStart = handlers.map(() => 0);
    const rates = this.#most.map((most): Rate => ({ rate: MODULE_STARTS_PER_S * most / 2, burst: 2 * most }));
    this.#rates = rates.map((rate) => new TokenBucket(rate, now()));
    const burst = rates.reduce((sum, rate) => sum + rate.burst, 0);
    this.#totalRate = new TokenBucket({ rate: TOTAL_STARTS_PER_S, burst }, now());
  }

  /** Number of running processes and pending starts. */
  get size(): number {
    return this.#entries.size;
  }

  /** Requests a process. Events are asynchronous. A module with too many processes gets `ended` only. */
  start(module: number, events: CellProcessEvents): CellProcess {
    const entry: CellEntry = { module, events, running: undefined, over: false };
    const most = this.#most[module];
    const siblings = [...this.#entries].filter((other) => other.module === module).length;
    this.#entries.add(entry);
    if (this.#closed || most === undefined || siblings >= most) {
      queueMicrotask(() => this.#ended(entry, end("crash", "no more processes of this module are allowed")));
    } else {
      this.#waiting.push(entry);
      this.#pumpIn(0);
    }
    return { kill: () => this.#kill(entry) };
  }

  /** Kills every process. Resolves once all are reaped. Nothing is started afterwards. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pump);
    for (const entry of this.#entries) this.#kill(entry);
    if (this.#entries.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied = resolve);
  }

  #kill(entry: CellEntry): void {
    if (entry.running !== undefined) return entry.running.kill();
    if (entry.over) return;
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    queueMicrotask(() => this.#ended(entry, end("killed", "not started yet")));
  }

  #pumpIn(milliseconds: number): void {
    clearTimeout(this.#pump);
    this.#pump = setTimeout(() => this.#startWaiting(), milliseconds);
  }

  /** Pending starts in rotation: one of each module, beginning with the module whose last start is longest ago. */
  #inTurns(): CellEntry[] {
    const counts = new Map<number, number>();
    const placed = this.#waiting.map((entry) => {
      const place = counts.get(entry.module) ?? 0;
      counts.set(entry.module, place + 1);
      return { entry, place, last: this.#lastStart[entry.module]! };
    });
    return placed.sort((a, b) => a.place - b.place || a.last - b.last).map(({ entry }) => entry);
  }

  /** Starts all entries with a token. A module without a token, or with many entries, does not delay the others. */
  #startWaiting(): void {
    const now = this.#options.now();
    let soonest = Infinity;
    this.#waiting = this.#inTurns().filter((entry) => {
      const rate = this.#rates[entry.module]!;
      const wait = Math.max(rate.wait(1, now), this.#totalRate.wait(1, now));
      if (wait > 0) {
        soonest = Math.min(soonest, wait);
        return true;
      }
      rate.spend(1);
      this.#totalRate.spend(1);
      this.#lastStart[entry.module] = ++this.#starts;
      this.#run(entry);
      return false;
    });
    if (soonest < Infinity) this.#pumpIn(Math.ceil(soonest));
  }

  #run(entry: CellEntry): void {
    const { events } = entry;
    try {
      const settings = this.#options.handlers[entry.module]!;
      const orders = this.#orders(settings);
      const { socketPath, program, environment } = this.#options;
      const flags = cellFlags({
        ...orders,
        permissions: settings.permissions,
        programFolders: program.folders,
        socketPath,
      });
      const env = { NO_COLOR: "1", ...grantedVariables(settings.permissions.env, environment) };
      entry.running = new RunningCell(program.command("cell", { flags, env }), orders, {
        started: (secret, pid) => events.started(secret, pid),
        output: (text) => events.output(text),
        vitals: (vitals) => events.vitals(vitals),
        ended: (how) => this.#ended(entry, how),
      });
      this.#watch();
    } catch (error) {
      this.#ended(entry, end("crash", `the process could not be started: ${reason(error)}`));
    }
  }

  /** Uses real paths, so that the target of a link decides. */
  #orders({ module, memory, permissions }: HandlerSettings): CellOrders {
    const path = Deno.realPathSync(module.startsWith("file:") ? new URL(module) : module);
    return {
      secret: crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex(),
      socketPath: this.#options.socketPath,
      url: pathToFileURL(path).href,
      folder: dirname(path),
      memory,
      permissions: Object.fromEntries(Object.entries(permissions).map(([kind, list = []]) => [kind, list])),
    };
  }

  #watch(): void {
    if (this.#look !== undefined) return;
    this.#lookedAt = this.#options.now();
    this.#look = setInterval(() => {
      const now = this.#options.now();
      const elapsed = now - this.#lookedAt;
      this.#lookedAt = now;
      for (const { running } of this.#entries) running?.look(elapsed);
    }, LOOK_MS);
  }

  #ended(entry: CellEntry, how: ReturnType<typeof end>): void {
    if (entry.over) return;
    entry.over = true;
    this.#entries.delete(entry);
    if (this.#entries.size === 0) {
      clearInterval(this.#look);
      this.#look = undefined;
      this.#emptied?.();
    }
    entry.events.ended(how);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
