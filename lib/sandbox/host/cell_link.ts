/**
 * A cell's process and its connection, from start to end.
 *
 * Way of a message: gives the cell's operations to its owner, within the budget of the module. A violation of the
 * table ends the cell.
 */
import type { Log } from "../../log/log.ts";
import type { ReadingTurn } from "../../timing/reading_turns.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import { type OperationStream, READ_BUFFER_BYTES } from "../wire/operation_stream.ts";
import { LEVELS, ToCell, ToHost } from "../wire/operations.ts";
import type { CellProcess, CellStarter, ProcessEnd, Vitals } from "../wire/processes.ts";
import type { CellConnection, CellListener } from "./cell_listener.ts";
import type { LogAllowance } from "./log_allowance.ts";
import { type WorkBudget, workOf } from "./work.ts";

/** The owner of a cell that has loaded its module. */
export interface CellOwner {
  vitals(vitals: Vitals): void;
  /** The cell ended without an order. Called once. */
  ended(end: ProcessEnd): void;
}

/** A pending `load`. */
interface Loading {
  resolve(contract: unknown): void;
  reject(error: Error): void;
}

export interface CellLinkDeps {
  readonly starter: CellStarter;
  readonly listener: CellListener;
  /** Index of the module in the configuration. */
  readonly module: number;
  /** Subprotocol of the module, for the log. */
  readonly name: string;
  readonly maxOutputBytes: number;
  readonly log: Log;
  readonly budget: WorkBudget;
  readonly turn: ReadingTurn;
  readonly logAllowance: LogAllowance;
}

/** Maximum time until a started process connects. */
const START_MS = 20_000;
/** Maximum time to load a module after that, including top-level awaits. */
const LOAD_MS = 10_000;
/** The connection closes before the end of the process is reported. The cause is known within this time. */
const LEAVING_MS = 1_000;
/** Milliseconds within which the end of a killed process must be reported. */
const REAPED_MS = 2_000;
/** Bytes of output kept while a line is incomplete. */
const MAX_LINE_BYTES = 4096;

export class CellLink {
  readonly #deps: CellLinkDeps;
  readonly #process: CellProcess;
  #connection: CellConnection | undefined;
  #owner: CellOwner | undefined;
  /** The connection ended, or the cell violated the protocol. */
  #lost = false;
  /** The reader needs further bytes. */
  #dry = true;
  /** The last chunk filled the buffer: the connection has more to read. */
  #full = false;
  /** It is this connection's turn, and the module has budget. */
  #reading = false;
  /** Bytes of the operation that `next` has returned; -1 for none. */
  #executed = -1;
  #over = false;
  #gone = false;
  #brokenBy: WireError | undefined;
  #line = "";
  readonly #decoder = new TextDecoder();
  #loading: Loading | undefined;
  #unexpect = () => {};
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #reaping: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: CellLinkDeps) {
    this.#deps = deps;
    this.#process = deps.starter.start(deps.module, {
      started: (secret) => this.#started(secret),
      output: (text) => this.#output(text),
      vitals: (vitals) => this.#owner?.vitals(vitals),
      ended: (end) => this.#ended(end),
    });
  }

  /** Whether the cell has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** The stream to the cell, available after `load` has resolved. */
  get stream(): OperationStream {
    return this.#connection!.stream;
  }

  /**
   * Resolves to the contract that the cell reports.
   *
   * @throws {Error} if the module does not load in time, or the process ends
   */
  load(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new Error("The cell has ended"));
      this.#loading = { resolve, reject };
      this.#limit(START_MS, "start");
    });
  }

  #limit(milliseconds: number, what: string): void {
    clearTimeout(this.#deadline);
    const late = () => this.#loading?.reject(new Error(`did not ${what} within ${milliseconds} ms`));
    this.#deadline = setTimeout(late, milliseconds);
  }

  /** Reports vitals and the end to `owner` from now on. The owner reads the operations. */
  adopt(owner: CellOwner): void {
    this.#owner = owner;
  }

  /**
   * The next operation that has arrived, to be executed before the next call; null when there is none, and when another
   * connection has its turn, or the module has used up its budget.
   */
  next(): Operation | null {
    if (this.#over || this.#lost) return null;
    const { turn, budget } = this.#deps;
    const goesOn = this.#executed < 0 || turn.take(this.#executed);
    if (!goesOn || budget.spent) this.#reading = false;
    this.#executed = -1;
    if (!this.#reading) return null;
    try {
      const operation = this.#connection!.reader.next();
      this.#dry = operation === null;
      if (operation !== null) this.#executed = operation.first.length + operation.second.length;
      return operation;
    } catch (error) {
      this.#left(error);
      return null;
    }
  }

  /** Waits until `next` can return an operation: for the budget or the turn, then for bytes. False after the end. */
  async more(): Promise<boolean> {
    if (this.#over || this.#lost) return false;
    const { turn, budget } = this.#deps;
    if (budget.spent) await new Promise((resolve) => setTimeout(resolve, budget.waitMs));
    else {
      if (this.#full) turn.more();
      this.#full = false;
      const wait = turn.next();
      if (wait !== null) await wait;
    }
    if (this.#dry && !await this.#read()) return false;
    this.#reading = turn.begin();
    return !this.#over;
  }

  /** Reads a chunk; false after the end. */
  async #read(): Promise<boolean> {
    const { stream, reader } = this.#connection!;
    const chunk = await stream.read();
    if (this.#over) return false;
    if (chunk === null) {
      this.#left();
      return false;
    }
    reader.push(chunk);
    this.#dry = false;
    this.#full = chunk.length === READ_BUFFER_BYTES;
    return true;
  }

  /** Kills the process. `CellOwner.ended` is not called. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#reaping);
    this.#release(new Error("The cell was ended"));
    this.#process.kill();
  }

  /** Reads until the module has loaded or failed to load. Further operations wait for the owner. */
  async #readContract(): Promise<void> {
    do {
      for (let operation = this.next(); operation !== null; operation = this.next()) {
        if (operation.code === ToHost.Log) {
          this.#logged(operation);
          continue;
        }
        const loading = this.#loading;
        this.#loading = undefined;
        clearTimeout(this.#deadline);
        return settle(operation, loading);
      }
    } while (await this.more());
  }

  /** The connection ended, or the cell violated the protocol. */
  #left(error?: unknown): void {
    this.#lost = true;
    if (error instanceof WireError) {
      this.#brokenBy = error;
      this.#connection!.stream.close();
      return this.#kill();
    }
    this.#reaping = setTimeout(() => this.#kill(), LEAVING_MS);
  }

  #kill(): void {
    this.#process.kill();
    this.#reaping = setTimeout(() => this.#ended({ cause: "killed", detail: "" }), REAPED_MS);
  }

  #started(secret: string): void {
    if (this.#over) return;
    const { listener, maxOutputBytes } = this.#deps;
    this.#unexpect = listener.expect(secret, {
      maxOutputBytes,
      connected: (connection) => {
        this.#connection = connection;
        // The start of the process is not the module's time.
        this.#limit(LOAD_MS, "load");
        connection.stream.out.write(ToCell.Configure, 0, maxOutputBytes, 0);
        connection.stream.flush();
        void this.#readContract();
      },
    });
  }

  #ended(end: ProcessEnd): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#reaping);
    this.#output(new Uint8Array(0), true);
    if (this.#over) return;
    this.#over = true;
    const told = end.cause === "killed" ? this.#explained() : end;
    this.#release(new Error(told.detail));
    this.#owner?.ended(told);
  }

  /** The reason of the end when the cell was killed because its connection closed. */
  #explained(): ProcessEnd {
    const broken = this.#brokenBy;
    const detail = broken === undefined
      ? "the connection to the cell ended"
      : `the cell broke the protocol: ${broken.message}`;
    return { cause: "crash", detail };
  }

  #release(error: Error): void {
    this.#unexpect();
    clearTimeout(this.#deadline);
    this.#loading?.reject(error);
    this.#loading = undefined;
    this.#connection?.stream.close();
  }

  /** Logs lines of a module that is loading. */
  #logged({ extra, first }: Operation): void {
    const { budget, log, logAllowance, name } = this.#deps;
    budget.take(workOf(first.length, 0));
    const suppressed = logAllowance.take();
    if (suppressed === null) return;
    const message = new TextDecoder().decode(first);
    log[LEVELS[extra]!]("handler.log", { module: name, message, fields: suppressed === 0 ? {} : { suppressed } });
  }

  /** Logs complete lines of the process's standard output and error. */
  #output(text: Uint8Array, last = false): void {
    const lines = (this.#line + this.#decoder.decode(text, { stream: !last })).split("\n");
    this.#line = last ? "" : lines.pop()!.slice(0, MAX_LINE_BYTES);
    for (const line of lines) {
      if (line.trim() === "") continue;
      this.#deps.log.warn("handler.log", {
        module: this.#deps.name,
        message: line.slice(0, MAX_LINE_BYTES),
        output: true,
      });
    }
  }
}

/** Settles `load` by the first operation of a cell that is no log line. */
function settle({ code, first }: Operation, loading: Loading | undefined): void {
  const text = new TextDecoder().decode(first);
  if (code === ToHost.NotLoaded || code === ToHost.Crash) return loading?.reject(new Error(text));
  if (code !== ToHost.Loaded) {
    return loading?.reject(new Error("The cell broke the protocol while it was loading"));
  }
  try {
    loading?.resolve(JSON.parse(text));
  } catch {
    loading?.reject(new Error("The cell broke the protocol: a contract is not JSON"));
  }
}
