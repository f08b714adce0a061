/** Cells without a process, which connect as real ones do and then do what a test tells them. */
import { type Operation, OperationReader } from "../../../lib/sandbox/wire/operation_reader.ts";
import { OperationStream, type OperationWriter } from "../../../lib/sandbox/wire/operation_stream.ts";
import { TO_CELL, ToCell, ToHost } from "../../../lib/sandbox/wire/operations.ts";
import type { CellProcess, CellProcessEvents } from "../../../lib/sandbox/wire/processes.ts";
import type { TestCells } from "../../helpers/sandbox.ts";

/** An operation as a cell got it, its texts decoded. */
export interface Got {
  readonly code: ToCell;
  readonly session: number;
  readonly id: number;
  readonly extra: number;
  readonly first: string;
}

/** The action of a fake cell on a call; by default it answers `"pong"`. */
export type OnCall = (cell: FakeCell, call: Got) => void;

const decoder = new TextDecoder();

/** Contract of a JSON-RPC module with these methods. */
export function contractOf(...names: string[]): unknown {
  const methods = names.map((name) => (
    { name, shape: "object", handle: "function", params: { schema: {} }, unknown: [], misfits: [] }
  ));
  return { kind: "rpc", hooks: { open: "undefined", close: "undefined" }, methods };
}

export class FakeCell implements CellProcess {
  /** All that the host wrote, but for the configuration. */
  readonly got: Got[] = [];
  killed = false;
  /** It does nothing more. */
  silent = false;
  /** It reads no more, until it is to hear. */
  deaf = false;
  #hearing = () => {};
  #stream: OperationStream | undefined;
  readonly #events: CellProcessEvents;
  readonly #onCall: OnCall;
  readonly #contract: string;

  constructor(events: CellProcessEvents, contract: string, onCall: OnCall) {
    this.#events = events;
    this.#contract = contract;
    this.#onCall = onCall;
  }

  /** Operations written here leave at the next `flush`. */
  get out(): OperationWriter {
    return this.#stream!.out;
  }

  flush(): void {
    this.#stream!.flush();
  }

  /** Writes one operation at once. */
  say(...operation: Parameters<OperationWriter["write"]>): void {
    this.out.write(...operation);
    this.flush();
  }

  async connect(path: string, secret: string): Promise<void> {
    const stream = this.#stream = new OperationStream(await Deno.connect({ transport: "unix", path }));
    stream.out.write(ToHost.Hello, 0, 0, 0, secret);
    stream.flush();
    void this.#serve(stream);
  }

  async #serve(stream: OperationStream): Promise<void> {
    const reader = new OperationReader({ table: TO_CELL, output: 0 });
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      reader.push(chunk);
      for (let operation = reader.next(); operation !== null; operation = reader.next()) this.#take(operation);
      if (this.deaf) await new Promise<void>((resolve) => this.#hearing = resolve);
    }
  }

  /** Reads on. */
  hear(): void {
    this.deaf = false;
    this.#hearing();
  }

  /** The process ends by itself. */
  end(cause: "crash" | "out_of_memory" | "timeout", detail: string): void {
    this.#stream?.close();
    if (!this.killed) this.#events.ended({ cause, detail });
    this.killed = true;
  }

  /** Vitals as the supervisor tells them. */
  vitals(cpuMs: number): void {
    this.#events.vitals({ memory: 0, cpuMs });
  }

  kill(): void {
    if (this.killed) return;
    this.killed = true;
    this.#stream?.close();
    queueMicrotask(() => this.#events.ended({ cause: "killed", detail: "" }));
  }

  #take({ code, session, id, extra, first }: Operation): void {
    if (code === ToCell.Configure) return this.say(ToHost.Loaded, 0, 0, 0, this.#contract);
    const got: Got = { code, session, id, extra, first: decoder.decode(first) };
    this.got.push(got);
    if (this.silent) return;
    this.out.write(ToHost.Done, 0, 1, 0);
    if (code === ToCell.Open || code === ToCell.Close) this.out.write(ToHost.Result, 0, id, 0, "null");
    else if (code === ToCell.Call || code === ToCell.Message) this.#onCall(this, got);
    if (!this.killed) this.flush();
  }
}

export interface FakeCellsOptions {
  readonly contract?: unknown;
  readonly onCall?: OnCall;
}

/** Starts fake cells, and keeps them in the order of their start. */
export class FakeCells implements TestCells {
  readonly pids: readonly number[] = [];
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "sallyport-" }));
  readonly socketPath = `${this.folder}/cells`;
  readonly started: FakeCell[] = [];
  readonly #contract: string;
  readonly #onCall: OnCall;

  constructor({ contract = contractOf("say", "ping"), onCall = pong }: FakeCellsOptions = {}) {
    this.#contract = JSON.stringify(contract);
    this.#onCall = onCall;
  }

  /** The cell that was started last. */
  get cell(): FakeCell {
    return this.started.at(-1)!;
  }

  start(_module: number, events: CellProcessEvents): CellProcess {
    const cell = new FakeCell(events, this.#contract, this.#onCall);
    this.started.push(cell);
    const secret = crypto.randomUUID();
    queueMicrotask(() => {
      events.started(secret, 1);
      cell.connect(this.socketPath, secret).catch((error) => cell.end("crash", String(error)));
    });
    return cell;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cell of this.started) cell.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}

export function pong(cell: FakeCell, { id }: Got): void {
  cell.out.write(ToHost.Result, 0, id, 0, '"pong"');
}
