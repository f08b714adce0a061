/** Cells that are run by the stand-in, and what their supervisor tells about them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HandlerSettings } from "../../../lib/sandbox/wire/handler_settings.ts";
import { CellProcesses } from "../../../lib/sandbox/supervisor/cell_processes.ts";
import { thisProgram } from "../../../lib/sandbox/supervisor/program.ts";
import type { CellProcess, CellProcessEvents, ProcessEnd, Vitals } from "../../../lib/sandbox/wire/processes.ts";
import { until } from "../../helpers/until.ts";

export const STAND_IN = fileURLToPath(new URL("./stand_in.ts", import.meta.url));

/** Events of one cell. */
export class Recorded implements CellProcessEvents {
  pid = 0;
  secret = "";
  text = "";
  readonly vitalsSeen: Vitals[] = [];
  readonly ends: ProcessEnd[] = [];
  process!: CellProcess;

  started(secret: string, pid: number): void {
    this.secret = secret;
    this.pid = pid;
  }
  output(text: Uint8Array): void {
    this.text += new TextDecoder().decode(text);
  }
  vitals(vitals: Vitals): void {
    this.vitalsSeen.push(vitals);
  }
  ended(end: ProcessEnd): void {
    this.ends.push(end);
  }

  async alive(): Promise<this> {
    await until(() => this.vitalsSeen.length > 0 || this.ends.length > 0, "a sign of life");
    return this;
  }

  async end(): Promise<ProcessEnd> {
    await until(() => this.ends.length > 0, () => `the end of process ${this.pid}`);
    return this.ends[0]!;
  }
}

/** Cells of modules with these names, which say what the stand-in does. */
export class StandInCells implements AsyncDisposable {
  readonly dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "sallyport-" }));
  readonly cells: CellProcesses;

  constructor(
    readonly names: readonly string[],
    settings: Partial<HandlerSettings> = {},
    program = thisProgram(Deno.env.get, STAND_IN),
    now = () => performance.now(),
  ) {
    const handlers = names.map((name) => {
      const module = join(this.dir, `${name}.ts`);
      Deno.writeTextFileSync(module, "");
      return {
        subprotocol: `${name}.v1`,
        module,
        cells: 1,
        memory: 64 * 2 ** 20,
        timeout: 2_000,
        permissions: {},
        ...settings,
      };
    });
    this.cells = new CellProcesses({
      handlers,
      socketPath: join(this.dir, "socket"),
      program,
      environment: { GRANTED: "value", SECRET: "hidden" },
      cores: 2,
      now,
    });
  }

  start(name: string): Recorded {
    const recorded = new Recorded();
    recorded.process = this.cells.start(this.names.indexOf(name), recorded);
    return recorded;
  }

  /** Ends all cells. Fails by its deadline if that never ends. */
  async close(): Promise<void> {
    let closed = false;
    this.cells.close().then(() => closed = true);
    await until(() => closed, () => `the end of ${this.cells.size} processes`, 10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await Deno.remove(this.dir, { recursive: true });
  }
}
