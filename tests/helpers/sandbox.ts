/** A sandbox with real processes and fake sessions, for the tests of this folder. */
import { createLog } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { CellListener } from "../../lib/sandbox/host/cell_listener.ts";
import { ReadingTurns } from "../../lib/timing/reading_turns.ts";
import { Pool, type PoolDeps } from "../../lib/sandbox/host/pool.ts";
import { Watchdog } from "../../lib/sandbox/host/watchdog.ts";
import { TOTAL_WORK, WorkBudget } from "../../lib/sandbox/host/work.ts";
import type { HandlerSettings } from "../../lib/sandbox/sandbox.ts";
import { CellProcesses } from "../../lib/sandbox/supervisor/cell_processes.ts";
import { thisProgram } from "../../lib/sandbox/supervisor/program.ts";
import type { CellStarter } from "../../lib/sandbox/wire/processes.ts";
import { FakeClient } from "./cell_clients.ts";

export { type Answer, FakeClient } from "./cell_clients.ts";

/** The folder of the modules under test. */
export const HANDLERS = new URL("../sandbox/handlers/", import.meta.url);
const MIB = 1024 * 1024;

/** The settings of a handler with one cell. */
export function settings(module: string, rest: Partial<HandlerSettings> = {}): HandlerSettings {
  const path = module.startsWith("/") ? module : new URL(module, HANDLERS).href;
  return {
    subprotocol: "test.v1",
    module: path,
    cells: 1,
    memory: 64 * MIB,
    timeout: 3000,
    permissions: {},
    ...rest,
  };
}

/** Starts and ends the processes of cells. */
export interface TestCells extends CellStarter, AsyncDisposable {
  /** Process ids in the order of their start. */
  readonly pids: readonly number[];
}

/** Real processes, on a socket in a folder of their own. */
export function realCells(
  handlers: readonly HandlerSettings[],
  environment: Readonly<Record<string, string>> = {},
): TestCells {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "sallyport-" }));
  const processes = new CellProcesses({
    handlers,
    socketPath: `${folder}/cells`,
    program: thisProgram(Deno.env.get),
    environment,
    cores: 2,
    now: () => performance.now(),
  });
  const pids: number[] = [];
  return {
    pids,
    socketPath: processes.socketPath,
    start: (module, events) =>
      processes.start(module, {
        started(secret, pid) {
          pids.push(pid);
          events.started(secret, pid);
        },
        output: (text) => events.output(text),
        vitals: (vitals) => events.vitals(vitals),
        ended: (end) => events.ended(end),
      }),
    async [Symbol.asyncDispose]() {
      await processes.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Dependencies of the pool that differ from the defaults. */
export interface BenchOptions extends Partial<PoolDeps> {
  /** Real processes by default. */
  readonly cells?: TestCells;
  /** Variables that the modules may be granted. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Started modules with their log, and clients on them. */
export class Bench implements AsyncDisposable {
  readonly lines: Record<string, unknown>[] = [];
  readonly telemetry = new Telemetry();
  /** Publications of modules: subprotocol, topic, notification. */
  readonly published: [module: string, topic: string, message: unknown][] = [];
  readonly pools: Pool[] = [];
  readonly listener: CellListener;
  readonly cells: TestCells;
  #watchdog: Watchdog | undefined;

  private constructor(cells: TestCells) {
    this.cells = cells;
    this.listener = new CellListener(cells.socketPath, this.log);
  }

  /** Starts one module, or several. Throws what `Pool.start` throws, and leaves nothing running then. */
  static async start(config: HandlerSettings | HandlerSettings[], options: BenchOptions = {}): Promise<Bench> {
    const configs = Array.isArray(config) ? config : [config];
    const { cells = realCells(configs, options.environment), environment: _, ...deps } = options;
    const bench = new Bench(cells);
    try {
      const now = deps.now ?? (() => performance.now());
      const work = new WorkBudget(TOTAL_WORK, now);
      const turns = new ReadingTurns(now, setImmediate);
      for (const [index, one] of configs.entries()) {
        bench.pools.push(
          await Pool.start(one, index, {
            log: bench.log,
            telemetry: bench.telemetry,
            now,
            random: () => 0,
            starter: cells,
            cores: 2,
            listener: bench.listener,
            work,
            turns,
            maxBytes: MIB,
            publish: (module, topic, text) =>
              bench.published.push([module, topic, JSON.parse(new TextDecoder().decode(text))]) && 0,
            ...deps,
          }),
        );
      }
      bench.#watchdog = new Watchdog(bench.pools, now);
      return bench;
    } catch (error) {
      await bench[Symbol.asyncDispose]();
      throw error;
    }
  }

  get log() {
    return createLog({
      level: "debug",
      format: "json",
      write: (line) => this.lines.push(JSON.parse(line) as Record<string, unknown>),
    });
  }

  /** The first module. */
  get pool(): Pool {
    return this.pools[0]!;
  }

  client(user: Partial<FakeClient["user"]> = {}, pool: Pool = this.pool): FakeClient {
    return new FakeClient(pool, user);
  }

  /** Lines of one event. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line["event"] === event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchdog?.stop();
    for (const pool of this.pools) pool.close();
    this.listener.close();
    await this.cells[Symbol.asyncDispose]();
  }
}
