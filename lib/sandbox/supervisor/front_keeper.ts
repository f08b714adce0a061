/** Keeps one front running: starts it with its cells, restarts it with growing pauses, and passes on orders. */
import { type FrontFigures, FrontKind } from "../wire/front_frames.ts";
import type { HandlerSettings } from "../wire/handler_settings.ts";
import type { FrontOrders } from "../wire/supervisor_messages.ts";
import { CellProcesses } from "./cell_processes.ts";
import { FRONT_FLAGS, type FrontEnd, type FrontListener, FrontProcess } from "./front_process.ts";
import type { PrivateFolder } from "./private_folder.ts";
import type { Program } from "./program.ts";

/** Pauses before consecutive restarts double from the first of these to the second. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 15_000;
/** After this uptime, earlier failures of fronts no longer count. */
const STABLE_MS = 10_000;
/** Number of consecutive short-lived fronts that ends the service. */
const MAX_QUICK_ENDS = 5;
/** Time for a front beyond the drain time. */
const DRAIN_GRACE_MS = 5_000;
/** A front is healthy while its last sign of life is not older than this. */
const FRESH_MS = 3_000;

/** Exit status for an invalid configuration. */
const WRONG_CONFIGURATION = 2;

/** The handlers and orders of a front. */
export interface FrontTask {
  readonly handlers: readonly HandlerSettings[];
  readonly orders: Omit<FrontOrders, "socketPath">;
  /** `server.drain_timeout`, milliseconds. */
  readonly drainMs: number;
  /** Processors for this front and its cells, for `cells = 0`. */
  readonly cores: number;
}

export interface KeeperOptions {
  /** The number of the front, from 0. */
  readonly number: number;
  readonly program: Program;
  /** Arguments of the front's command. */
  readonly words: readonly string[];
  /** The environment of the front. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: PrivateFolder;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Provides the task of the next process while it starts. */
  readonly prepare: () => Promise<FrontTask>;
  /** Called when the front has received its task. */
  readonly begun: () => void;
  /** Called when the front begins to reload. */
  readonly reloading: () => void;
  /** Called when the front listens, and when a reload has ended. */
  readonly settled: () => void;
  /** Called when the front ended and will be restarted. */
  readonly restarted: (detail: string, pauseMs: number) => void;
}

/** One front of the service, over all its processes. */
export class FrontKeeper {
  readonly #options: KeeperOptions;
  readonly #stopWanted: Promise<void>;
  #wantStop!: () => void;
  #stopping = false;
  #nothingToDrain = false;
  #front: FrontProcess | undefined;
  #cells: CellProcesses | undefined;
  #drainMs = 0;
  #drained: ReturnType<typeof setTimeout> | undefined;
  #begun = false;
  #ready = false;
  #everReady = false;
  #reloadWanted = false;
  #reloads = 0;
  #figures: FrontFigures | undefined;
  #heardAt = -Infinity;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#stopWanted = new Promise((resolve) => this.#wantStop = resolve);
  }

  /** Process id of the running front. */
  get pid(): number | undefined {
    return this.#front?.pid;
  }

  /** Whether the front listens. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whether a reload is under way. */
  get reloading(): boolean {
    return this.#reloads > 0;
  }

  /** The figures of the last sign of life. */
  get figures(): FrontFigures | undefined {
    return this.#figures;
  }

  /** Whether the front listens, has shown life a short while ago, and its cells respond. */
  get healthy(): boolean {
    const fresh = this.#options.now() - this.#heardAt <= FRESH_MS;
    return this.#ready && fresh && this.#figures?.responsive === true;
  }

  /**
   * Runs until the front has drained, or can't be kept running. No process of it is left then.
   *
   * @returns the exit status: the front's, or 1 where a signal ended it
   * @throws {Error} if `prepare` throws
   */
  async run(): Promise<number> {
    try {
      return await this.#runFronts();
    } finally {
      clearTimeout(this.#drained);
      await this.#cells?.close();
    }
  }

  /** Drains and ends. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#wantStop();
    if (!this.#begun) {
      this.#nothingToDrain = true;
      return this.#front?.kill("it was to stop before it served");
    }
    this.#front?.stop();
    this.#drained = setTimeout(() => this.#front?.kill("it did not end in time"), this.#drainMs + DRAIN_GRACE_MS);
  }

  /** Makes the front reload its configuration. A starting front does so once it is up, a draining one never. */
  reload(): void {
    if (this.#stopping) return;
    if (!this.#ready) {
      this.#reloadWanted = true;
      return;
    }
    this.#reloads++;
    this.#options.reloading();
    this.#front?.reload();
  }

  /** Kills front and cells without waiting for their end. There is no restart. */
  kill(): void {
    this.#stopping = true;
    this.#wantStop();
    this.#front?.kill("the supervisor ends");
    void this.#cells?.close();
  }

  async #runFronts(): Promise<number> {
    for (let quick = 0, pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const began = this.#options.now();
      const end = await this.#runFront();
      const status = end.code ?? 1;
      // Final when a restart would not help, or the first front could not start.
      const final = status === 0 || status === WRONG_CONFIGURATION || !this.#everReady && end.code !== null;
      if (this.#nothingToDrain) return 0;
      if (this.#stopping || final) return status;
      if (this.#options.now() - began >= STABLE_MS) [quick, pause] = [0, FIRST_PAUSE_MS];
      if (++quick >= MAX_QUICK_ENDS) return status;
      this.#options.restarted(describe(end), pause);
      await this.#pause(pause);
      if (this.#stopping) return 0;
    }
  }

  async #runFront(): Promise<FrontEnd> {
    const { program, words, environment, now, folder, prepare, number } = this.#options;
    const command = program.command("front", { flags: FRONT_FLAGS, words, env: environment });
    // The front loads its code while the configuration is read.
    const front = new FrontProcess(command, now, this.#listener());
    this.#front = front;
    let cells: CellProcesses | undefined;
    try {
      const { handlers, orders, drainMs, cores } = await prepare();
      const socketPath = folder.nextSocket(number);
      cells = new CellProcesses({ handlers, socketPath, program, environment, cores, now });
      this.#cells = cells;
      this.#drainMs = drainMs;
      front.begin({ ...orders, socketPath }, cells);
      this.#begun = true;
      this.#options.begun();
      if (this.#stopping) front.kill("it was to stop before it served");
    } catch (error) {
      front.kill("there is nothing to serve");
      await front.ended;
      throw error;
    }
    const end = await front.ended;
    [this.#front, this.#begun, this.#ready, this.#figures, this.#reloads] = [undefined, false, false, undefined, 0];
    await cells.close();
    folder.clear(number);
    return end;
  }

  #listener(): FrontListener {
    return (frame) => {
      this.#heardAt = this.#options.now();
      if (frame.kind === FrontKind.Alive) {
        this.#figures = frame;
        return;
      }
      if (frame.kind === FrontKind.Reloaded) {
        this.#reloads = Math.max(0, this.#reloads - 1);
        return this.#options.settled();
      }
      this.#ready = this.#everReady = true;
      this.#options.settled();
      if (this.#reloadWanted) {
        this.#reloadWanted = false;
        this.reload();
      }
    };
  }

  async #pause(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#stopWanted, new Promise((resolve) => timer = setTimeout(resolve, milliseconds))]);
    clearTimeout(timer);
  }
}

function describe({ code, signal, why }: FrontEnd): string {
  return why ?? (signal !== null ? `ended by ${signal}` : `exit status ${code}`);
}
