/** The process of a cell: start, watch, kill, reap. */
import { type ChildProcess, spawn } from "node:child_process";
import { getPriority, setPriority } from "node:os";
import type { Readable } from "node:stream";
import { FrameReader } from "../wire/frame_reader.ts";
import {
  type CellOrders,
  type CellProcess,
  type CellProcessEvents,
  decodeVitals,
  type ProcessEnd,
  type Vitals,
  VITALS_FRAME_BYTES,
  VITALS_INTERVAL_MS,
  VitalsKind,
} from "../wire/processes.ts";
import { BoundedOutput } from "./bounded_output.ts";
import { end, endOf } from "./process_end.ts";
import type { ProcessCommand } from "./program.ts";
import { Silence } from "./silence.ts";

/** A cell without a vitals frame for this long is killed; a starting cell has more time. */
const SILENT_MS = 5_000;
const STARTING_MS = 15_000;
/** Frames between two checks above the expected number: an honest cell writes one each `VITALS_INTERVAL_MS`. */
const MAX_EXTRA_FRAMES = 64;
/** Maximum time that open pipes delay the report of an end. */
const PIPES_MS = 250;
/** Added to the front's nice value: with it, eight busy cells leave the front most of a core. */
const NICER = 10;
const NICEST = 19;
const REFILL_MS = 1_000;
const NO_SIGN_OF_LIFE = end("crash", "what the process wrote to its supervisor is no sign of life");

/** Runs one cell. The owner calls `look` about four times a second. */
export class RunningCell implements CellProcess {
  readonly #events: CellProcessEvents;
  readonly #child: ChildProcess;
  readonly #output: BoundedOutput;
  readonly #silence = new Silence();
  readonly #frames = new FrameReader(VITALS_FRAME_BYTES, decodeVitals);
  #framesSinceLook = 0;
  #sinceRefill = 0;
  #alive = false;
  #over = false;
  #farewell: VitalsKind | undefined;
  #killed: ProcessEnd | undefined;

  /** @throws {Error} if the process can't be started */
  constructor(command: ProcessCommand, orders: CellOrders, events: CellProcessEvents) {
    this.#events = events;
    const child = spawn(command.file, [...command.args], {
      env: { ...command.env },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      // Not detached: Linux compares nice values only within a session (autogroup in sched(7)), so it is the front's.
    });
    this.#child = child;
    const [stdin, stdout, stderr, vitals] = child.stdio;
    this.#output = new BoundedOutput(stdout!, stderr!, (bytes) => events.output(bytes));
    child.on("error", (error) => this.#ended(end("crash", `the process could not be started: ${error.message}`)));
    child.on("exit", (code, signal) => this.#exited(code, signal));
    // Undefined when the process could not be started.
    const frames = vitals as Readable | undefined;
    frames?.on("data", (bytes: Uint8Array) => this.#read(bytes));
    frames?.on("error", () => {});
    stdin!.on("error", () => {});
    stdin!.write(`${JSON.stringify(orders)}\n`);
    if (child.pid === undefined) return;
    lowerPriority(child.pid);
    events.started(orders.secret, child.pid);
  }

  get over(): boolean {
    return this.#over;
  }

  kill(): void {
    this.#kill(end("killed", "no longer wanted"));
  }

  /** Checks for silence, `elapsed` ms after the previous check. */
  look(elapsed: number): void {
    // After the supervisor was stopped, the frames of that time arrive together.
    const due = elapsed / VITALS_INTERVAL_MS;
    if (this.#framesSinceLook > due + MAX_EXTRA_FRAMES) this.#kill(NO_SIGN_OF_LIFE);
    this.#framesSinceLook = 0;
    this.#sinceRefill += elapsed;
    if (this.#sinceRefill >= REFILL_MS) {
      this.#sinceRefill = 0;
      this.#output.refill();
    }
    const limit = this.#alive ? SILENT_MS : STARTING_MS;
    if (this.#silence.look(elapsed) > limit) this.#kill(end("timeout", `no sign of life for ${limit} ms`));
  }

  #kill(why: ProcessEnd): void {
    if (this.#over) return;
    this.#killed ??= why;
    this.#child.kill("SIGKILL");
  }

  #read(bytes: Uint8Array): void {
    if (!this.#frames.read(bytes, (frame) => this.#frame(frame))) this.#kill(NO_SIGN_OF_LIFE);
  }

  #frame({ kind, memory, cpuMs }: Vitals & { readonly kind: VitalsKind }): void {
    this.#framesSinceLook++;
    this.#silence.broken();
    if (this.#over || this.#killed !== undefined || this.#farewell !== undefined) return;
    if (kind !== VitalsKind.Alive) {
      this.#farewell = kind;
      // The cell kills itself, unless something prevents that.
      return void this.#child.kill("SIGKILL");
    }
    this.#alive = true;
    this.#events.vitals({ memory, cpuMs });
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.#over) return;
    const tell = () => {
      clearTimeout(timer);
      const evidence = { code, signal, farewell: this.#farewell, killed: this.#killed, errors: this.#output.tail };
      this.#ended(endOf(evidence));
    };
    const timer = setTimeout(tell, PIPES_MS);
    this.#child.on("close", tell);
    this.#output.finish();
  }

  #ended(how: ProcessEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#output.close();
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#events.ended(how);
  }
}

/** If the system refuses, the cell runs with normal priority. */
function lowerPriority(pid: number): void {
  try {
    setPriority(pid, Math.min(NICEST, getPriority() + NICER));
  } catch {
    // The system refused, or the process has ended.
  }
}
