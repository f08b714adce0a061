/** A cell's process and its connection, from start to end. */
import type { Log } from "../../log/log.ts";
import type { ReadingTurn } from "../../timing/reading_turns.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import { type OperationStream, READ_BUFFER_BYTES } from "../wire/operation_stream.ts";
import { LEVELS, ToCell, ToHost } from "../wire/operations.ts";
import type { CellProcess, CellStarter, ProcessEnd, Vitals } from "../wire/processes.ts";
import type { CellConnection, CellConnectionOwner, CellListener } from "./cell_listener.ts";
import type { LogAllowance } from "./log_allowance.ts";
import { type WorkBudget, workOf } from "./work.ts";

/** Receives the operations of a cell that has loaded its module. */
export interface CellOwner {
  /**
   * Executes one operation of the cell.
   *
   * @throws {WireError} if it is not allowed
   */
  take(operation: Operation): void;
  vitals(vitals: Vitals): void;
  /** The cell ended without an order. Called once. */
  ended(end: ProcessEnd): void;
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

/** The connection closes before the end of the process is reported. The cause is known within this time. */
const LEAVING_MS = 1_000;
/** Milliseconds within which the end of a killed process must be reported. */
const REAPED_MS = 2_000;
/** Bytes of output kept while a line is incomplete. */
const MAX_LINE_BYTES = 4096;

export class CellLink implements CellConnectionOwner {
  readonly #deps: CellLinkDeps;
  readonly #process: CellProcess;
  #connection: CellConnection | undefined;
  #owner: CellOwner | undefined;
  #adopted: (() => void) | undefined;
  #loaded = false;
  /** The last chunk filled the buffer. */
  #full = false;
  #over = false;
  #gone = false;
  #brokenBy: WireError | undefined;
  #line = "";
  readonly #decoder = new TextDecoder();
  #loading: { resolve(contract: unknown): void; reject(error: Error): void } | undefined;
  #unexpect = () => {};
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
   * @throws {Error} if the module does not load, or the process ends
   */
  load(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over) reject(new Error("The cell has ended"));
      else this.#loading = { resolve, reject };
    });
  }

  /** Passes the operations of the cell to `owner` from now on. */
  adopt(owner: CellOwner): void {
    this.#owner = owner;
    this.#adopted?.();
  }

  /** Kills the process. `CellOwner.ended` is not called. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#reaping);
    this.#release(new Error("The cell was ended"));
    this.#process.kill();
  }

  // Methods that the connection calls.

  begin(bytes: number): boolean {
    if (this.#over || this.#owner === undefined) return true;
    if (!this.#deps.turn.begin()) return false;
    this.#full = bytes === READ_BUFFER_BYTES;
    return true;
  }

  take(operation: Operation): void {
    if (this.#over) return this.#connection!.halt();
    if (this.#owner !== undefined) {
      this.#owner.take(operation);
      const { turn, budget } = this.#deps;
      const goesOn = turn.take(operation.first.length + operation.second.length);
      if (!goesOn || budget.spent) this.#connection!.halt();
      return;
    }
    if (operation.code === ToHost.Log) return this.#logged(operation);
    const loading = this.#loading;
    this.#loading = undefined;
    // Further operations wait for the owner.
    this.#loaded = true;
    this.#connection!.halt();
    const text = new TextDecoder().decode(operation.first);
    if (operation.code === ToHost.Loaded) loading?.resolve(parsed(text));
    else if (operation.code === ToHost.NotLoaded || operation.code === ToHost.Crash) loading?.reject(new Error(text));
    else loading?.reject(new Error("The cell broke the protocol while it was loading"));
  }

  pause(): Promise<void> | null {
    if (this.#over) return null;
    if (this.#owner === undefined && this.#loaded) return new Promise((resolve) => this.#adopted = resolve);
    const { turn, budget } = this.#deps;
    if (budget.spent) return new Promise((resolve) => setTimeout(resolve, budget.waitMs));
    if (this.#full) turn.more();
    this.#full = false;
    return turn.next();
  }

  ended(error?: unknown): void {
    if (error instanceof WireError) {
      this.#brokenBy = error;
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
        connection.stream.out.write(ToCell.Configure, 0, maxOutputBytes, 0);
        connection.stream.flush();
        return this;
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
    this.#loading?.reject(error);
    this.#loading = undefined;
    this.#connection?.stream.close();
    this.#adopted?.();
  }

  /** Logs lines of a module that is loading. */
  #logged({ extra, first }: Operation): void {
    const { budget, log, logAllowance, name } = this.#deps;
    budget.take(workOf(first.length, 0));
    if (budget.spent) this.#connection!.halt();
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

function parsed(contract: string): unknown {
  try {
    return JSON.parse(contract);
  } catch {
    throw new WireError("a contract is not JSON");
  }
}
