/** A supervisor whose fronts are run by the stand-in, and what it tells. */
import { assertEquals } from "../../assert.ts";
import { PrivateFolder } from "../../../lib/sandbox/supervisor/private_folder.ts";
import { type Program, thisProgram } from "../../../lib/sandbox/supervisor/program.ts";
import { Supervisor } from "../../../lib/sandbox/supervisor/supervisor.ts";
import { until } from "../../helpers/until.ts";
import { runs } from "../../helpers/processes.ts";
import { STAND_IN } from "./fixture.ts";

export interface Restart {
  readonly front: number | undefined;
  /** Whether the watchdog was fed at that moment. */
  readonly healthy: boolean | Promise<boolean>;
  readonly detail: string;
  readonly pause: number;
}

export interface SupervisedOptions {
  /** Called before a front gets its configuration. */
  readonly prepared?: () => unknown;
  readonly program?: Program;
  readonly fronts?: number;
}

/** A supervisor of fronts that are run by the stand-in. */
export class Supervised implements AsyncDisposable {
  readonly dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "run-" }));
  readonly told: string[] = [];
  readonly restarts: Restart[] = [];
  readonly pids = new Set<number>();
  readonly supervisor: Supervisor;
  readonly status: Promise<number>;
  healthy: () => boolean | Promise<boolean> = () => false;
  readonly folder = new PrivateFolder((name) => name === "RUNTIME_DIRECTORY" ? this.dir : undefined);

  /** @param front what each front does, a name of the stand-in */
  constructor(front: string, options: SupervisedOptions = {}) {
    const { prepared = () => {}, program = thisProgram(Deno.env.get, STAND_IN), fronts = 1 } = options;
    const { told } = this;
    const module = `${this.dir}/honest.ts`;
    Deno.writeTextFileSync(module, "");
    const settings = {
      subprotocol: "honest.v1",
      module,
      cells: 1,
      memory: 64 * 2 ** 20,
      timeout: 2_000,
      permissions: {},
    };
    this.supervisor = new Supervisor({
      program,
      words: [front],
      environment: Deno.env.toObject(),
      folder: this.folder,
      notifier: {
        socketPath: null,
        prepared: Promise.resolve(),
        ready: (status) => told.push(`ready ${status}`),
        status: (status) => told.push(`status ${status}`),
        reloading: () => told.push("reloading"),
        stopping: () => told.push("stopping"),
        watch: (healthy) => this.healthy = healthy,
        close: () => Promise.resolve(),
      },
      cores: 2,
      now: () => performance.now(),
      prepare: async () => {
        await prepared();
        for (let number = 0; number < fronts; number++) {
          const pid = this.supervisor.frontPid(number);
          if (pid !== undefined) this.pids.add(pid);
        }
        const orders = { limits: { openFiles: null, memoryBytes: null } };
        return { fronts, handlers: [settings], orders, drainMs: 0 };
      },
      restarted: (detail, pause, front) => this.restarts.push({ detail, pause, front, healthy: this.healthy() }),
    });
    this.status = this.supervisor.run();
    this.status.catch(() => {});
  }

  async has(what: string, times = 1): Promise<void> {
    await until(() => this.told.filter((one) => one.startsWith(what)).length >= times, () => `${what} in ${this.told}`);
  }

  /** The exit status. */
  async ended(): Promise<number> {
    let status: number | undefined;
    void this.status.then((one) => status = one, () => {});
    await until(() => status !== undefined, "the end of the supervisor");
    return status!;
  }

  async restarted(times = 1): Promise<Restart> {
    await until(() => this.restarts.length >= times, () => `restart ${times}`);
    return this.restarts[times - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.stop();
    this.supervisor.kill();
    await this.status.catch(() => {});
    for (const pid of this.pids) assertEquals(await runs(pid), false, `front ${pid}`);
    this.folder.remove();
    await Deno.remove(this.dir, { recursive: true });
  }
}
