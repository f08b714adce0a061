/**
 * The supervisor: starts the front and its cells, restarts a front that ended, notifies the service manager, and ends
 * all processes with itself. It opens no network socket, loads no handler, and reads only frames of a fixed size from
 * the others.
 */
import type { Notifier } from "../../ops/systemd.ts";
import type { HandlerSettings } from "../wire/handler_settings.ts";
import { type FrontFigures, FrontKind, FrontState } from "../wire/front_frames.ts";
import type { FrontOrders } from "../wire/supervisor_messages.ts";
import { CellProcesses } from "./cell_processes.ts";
import { FRONT_FLAGS, type FrontEnd, type FrontListener, FrontProcess } from "./front_process.ts";
import type { PrivateFolder } from "./private_folder.ts";
import type { Program } from "./program.ts";

export { probeSystemLimits } from "./limits_probe.ts";
export { withCellStarter } from "./own_cells.ts";
export { PrivateFolder } from "./private_folder.ts";
export { thisProgram } from "./program.ts";

/** Pauses before consecutive restarts double from the first of these to the second. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 15_000;
/** After this uptime, earlier failures of fronts no longer count. */
const STABLE_MS = 10_000;
/** Number of consecutive short-lived fronts that ends the service. */
const MAX_QUICK_ENDS = 5;
/** Time for a front beyond the drain time. */
const DRAIN_GRACE_MS = 5_000;
const STATUS_INTERVAL_MS = 5_000;
/** The watchdog is fed while the front's last sign of life is not older than this. */
const FRESH_MS = 3_000;

/** Exit status for an invalid configuration. */
const WRONG_CONFIGURATION = 2;

/** The configuration of a front. */
export interface Serving {
  readonly handlers: readonly HandlerSettings[];
  readonly orders: Omit<FrontOrders, "socketPath">;
  /** `server.drain_timeout`, milliseconds. */
  readonly drainMs: number;
}

export interface SupervisorOptions {
  readonly program: Program;
  /** Arguments of the front's command. */
  readonly words: readonly string[];
  /** The environment of the front. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: PrivateFolder;
  readonly notifier: Notifier;
  /** Processors, for `cells = 0`. */
  readonly cores: number;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Provides the configuration of the next front while it starts. */
  readonly prepare: () => Promise<Serving>;
  /** Called each time a front has received its configuration. */
  readonly begun?: () => void;
  /** Called when a front ended and will be restarted. */
  readonly restarted: (detail: string, pauseMs: number) => void;
}

/** Runs fronts, one at a time. */
export class Supervisor {
  readonly #options: SupervisorOptions;
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
  #figures: FrontFigures | undefined;
  #heardAt = -Infinity;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#stopWanted = new Promise((resolve) => this.#wantStop = resolve);
  }

  /** Process id of the running front. */
  get frontPid(): number | undefined {
    return this.#front?.pid;
  }

  /**
   * Runs until the front has drained, or can't be kept running.
   *
   * @returns the exit status: the front's, or 1 where a signal ended it
   * @throws {Error} if `prepare` throws for the first front
   */
  async run(): Promise<number> {
    const { notifier } = this.#options;
    const status = setInterval(() => this.#tellStatus(), STATUS_INTERVAL_MS);
    notifier.watch(() => this.#healthy());
    try {
      return await this.#runFronts();
    } finally {
      clearInterval(status);
      clearTimeout(this.#drained);
      this.kill();
      await this.#cells?.close();
      await notifier.close();
    }
  }

  /** Drains and ends. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#options.notifier.stopping("draining");
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
    this.#options.notifier.reloading();
    this.#front?.reload();
  }

  /** Kills front and cells without waiting for their end. */
  kill(): void {
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
      if (this.#nothingToDrain) return 0;
    }
  }

  async #runFront(): Promise<FrontEnd> {
    const { program, words, environment, now, folder, prepare, cores } = this.#options;
    const command = program.command("front", { flags: FRONT_FLAGS, words, env: environment });
    // The front loads its code while the configuration is read.
    const front = new FrontProcess(command, now, this.#listener());
    this.#front = front;
    let cells: CellProcesses | undefined;
    try {
      const { handlers, orders, drainMs } = await prepare();
      const socketPath = folder.nextSocket();
      cells = new CellProcesses({ handlers, socketPath, program, environment, cores, now });
      this.#cells = cells;
      this.#drainMs = drainMs;
      front.begin({ ...orders, socketPath }, cells);
      this.#begun = true;
      this.#options.begun?.();
      if (this.#stopping) front.kill("it was to stop before it served");
    } catch (error) {
      front.kill("there is nothing to serve");
      await front.ended;
      throw error;
    }
    const end = await front.ended;
    [this.#front, this.#begun, this.#ready, this.#figures] = [undefined, false, false, undefined];
    await cells.close();
    folder.clear();
    return end;
  }

  #listener(): FrontListener {
    return (frame) => {
      this.#heardAt = this.#options.now();
      if (frame.kind === FrontKind.Alive) {
        this.#figures = frame;
        return;
      }
      if (!this.#stopping) this.#options.notifier.ready(this.#status());
      if (frame.kind === FrontKind.Reloaded) return;
      this.#ready = this.#everReady = true;
      if (this.#reloadWanted) {
        this.#reloadWanted = false;
        this.reload();
      }
    };
  }

  #healthy(): boolean {
    const fresh = this.#options.now() - this.#heardAt <= FRESH_MS;
    return this.#ready && fresh && this.#figures?.responsive === true;
  }

  #tellStatus(): void {
    if (this.#ready) this.#options.notifier.status(this.#status());
  }

  #status(): string {
    const { state, connections, maxConnections } = this.#figures ?? { state: FrontState.Starting };
    // The front's last state may be older than its order to drain.
    const word = FrontState[this.#stopping ? FrontState.Draining : state]!.toLowerCase();
    return connections === undefined ? word : `${word}, ${connections} of at most ${maxConnections} connections`;
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
