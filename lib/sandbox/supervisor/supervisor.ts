/**
 * The supervisor: starts the fronts and their cells, restarts a front that ended, notifies the service manager, and ends
 * all processes with itself. It opens no network socket, loads no handler, and reads only frames of a fixed size from
 * the others.
 */
import { coresOfFront } from "../../config/cells.ts";
import type { Notifier } from "../../ops/systemd.ts";
import { FrontState } from "../wire/front_frames.ts";
import { FrontKeeper, type FrontTask } from "./front_keeper.ts";
import type { PrivateFolder } from "./private_folder.ts";
import type { Program } from "./program.ts";

export { probeSystemLimits } from "./limits_probe.ts";
export { withCellStarter } from "./own_cells.ts";
export { PrivateFolder } from "./private_folder.ts";
export { thisProgram } from "./program.ts";

const STATUS_INTERVAL_MS = 5_000;
const SECRET_BYTES = 32;

/** The configuration of a front. */
export interface Serving extends Omit<FrontTask, "cores"> {
  /** `server.fronts`. That of the first configuration counts for the whole service. */
  readonly fronts: number;
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
  /** Called when a front ended and will be restarted; `front` is its number, where there are several. */
  readonly restarted: (detail: string, pauseMs: number, front?: number) => void;
}

/** Runs `server.fronts` fronts side by side. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #keepers: FrontKeeper[] = [];
  /** The secret of the requests between fronts. */
  readonly #secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
  readonly #end = Promise.withResolvers<number>();
  /** The number of fronts, known once the first configuration is read. */
  #fronts: number | undefined;
  #running = 0;
  #exitStatus = 0;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Process id of the running front with that number. */
  frontPid(front = 0): number | undefined {
    return this.#keepers[front]?.pid;
  }

  /**
   * Runs until every front has drained, or one can't be kept running: the others drain then.
   *
   * @returns the exit status: that of the first front that failed, or 1 where a signal ended it, or 0
   * @throws {Error} if `prepare` throws for a front
   */
  async run(): Promise<number> {
    const { notifier } = this.#options;
    const status = setInterval(() => this.#tellStatus(), STATUS_INTERVAL_MS);
    notifier.watch(() => this.#all((keeper) => keeper.healthy));
    const runs: Promise<void>[] = [];
    try {
      this.#keep(runs);
      return await this.#end.promise;
    } finally {
      clearInterval(status);
      this.kill();
      await Promise.all(runs);
      await notifier.close();
    }
  }

  /** Drains and ends. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#options.notifier.stopping("draining");
    for (const keeper of this.#keepers) keeper.stop();
  }

  /** Makes each front reload its configuration. A starting front does so once it is up, a draining one never. */
  reload(): void {
    for (const keeper of this.#keepers) keeper.reload();
  }

  /** Kills fronts and cells without waiting for their end. */
  kill(): void {
    this.#stopping = true;
    for (const keeper of this.#keepers) keeper.kill();
  }

  /** Runs the next front. The first one's configuration says how many others follow. */
  #keep(runs: Promise<void>[]): void {
    const { restarted, begun, ...options } = this.#options;
    const number = this.#keepers.length;
    const keeper: FrontKeeper = new FrontKeeper({
      ...options,
      number,
      prepare: async () => {
        const serving = await options.prepare();
        const first = this.#fronts === undefined;
        this.#fronts ??= serving.fronts;
        while (first && !this.#stopping && this.#keepers.length < this.#fronts) this.#keep(runs);
        return this.#task(number, serving);
      },
      begun: () => begun?.(),
      reloading: () => {
        if (!this.#keepers.some((other) => other !== keeper && other.reloading)) this.#options.notifier.reloading();
      },
      settled: () => this.#settled(),
      restarted: (detail, pause) => restarted(detail, pause, this.#several ? number : undefined),
    });
    this.#keepers.push(keeper);
    this.#running++;
    runs.push(keeper.run().then((status) => this.#ended(status), (error) => this.#end.reject(error)));
  }

  #task(number: number, { orders, ...serving }: Serving): FrontTask {
    const { folder, cores } = this.#options;
    const count = this.#fronts!;
    const sockets = Array.from({ length: count }, (_, front) => folder.opsSocket(front));
    return {
      ...serving,
      cores: coresOfFront(cores, count),
      orders: this.#several ? { ...orders, front: { number, sockets, secret: this.#secret } } : orders,
    };
  }

  #ended(status: number): void {
    this.#exitStatus ||= status;
    if (--this.#running === 0) this.#end.resolve(this.#exitStatus);
    else this.stop();
  }

  /** Tells the service manager once every front listens and none reloads. */
  #settled(): void {
    if (this.#stopping || !this.#all(({ ready, reloading }) => ready && !reloading)) return;
    this.#options.notifier.ready(this.#status());
  }

  get #several(): boolean {
    return (this.#fronts ?? 1) > 1;
  }

  #all(holds: (keeper: FrontKeeper) => boolean): boolean {
    return this.#keepers.length === this.#fronts && this.#keepers.every(holds);
  }

  #tellStatus(): void {
    if (this.#keepers.some(({ ready }) => ready)) this.#options.notifier.status(this.#status());
  }

  /** The worst state of the fronts that listen, and the sum of their figures. */
  #status(): string {
    const ready = this.#keepers.filter((keeper) => keeper.ready);
    const figures = ready.flatMap((keeper) => keeper.figures ?? []);
    const state = Math.max(FrontState.Starting, ...figures.map((one) => one.state));
    // The fronts' last state may be older than their order to drain.
    const word = FrontState[this.#stopping ? FrontState.Draining : state]!.toLowerCase();
    if (figures.length === 0) return word;
    const sum = (name: "connections" | "maxConnections") => figures.reduce((all, one) => all + one[name], 0);
    const connections = `${sum("connections")} of at most ${sum("maxConnections")} connections`;
    return `${word}, ${connections}${this.#several ? `, ${ready.length} of ${this.#fronts} fronts` : ""}`;
  }
}
