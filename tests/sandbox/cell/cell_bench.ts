/** A runtime in this process: operations go in as bytes, and its answers are read from bytes. */
import { makeKit } from "../../../lib/sandbox/cell/kit.ts";
import { makeHandlers } from "../../../lib/sandbox/cell/module_shape.ts";
import { Outbox } from "../../../lib/sandbox/cell/outbox.ts";
import { Runtime } from "../../../lib/sandbox/cell/runtime.ts";
import { OperationReader } from "../../../lib/sandbox/wire/operation_reader.ts";
import { OperationWriter } from "../../../lib/sandbox/wire/operation_stream.ts";
import { MIN_OUTPUT_BYTES, TO_CELL, TO_HOST, ToCell, ToHost } from "../../../lib/sandbox/wire/operations.ts";

/** An operation of the cell: its name, its operands that are not zero, and its texts. */
export type Sent = readonly [name: string, ...operands: (number | string)[]];

export class CellBench {
  /** All operations of the cell so far, without `Done`. */
  readonly sent: Sent[] = [];
  /** Started operations, as the cell has reported them. */
  done = 0;
  /** Bytes that the stream has not sent, as the outbox sees them. */
  pending = 0;
  /** Monotonic clock in milliseconds, for the runtime. */
  time = 0;
  readonly out: Outbox;
  readonly runtime: Runtime;
  #chunk = new Uint8Array();
  readonly #toCell = new OperationWriter();
  readonly #fromHost = new OperationReader({ table: TO_CELL, output: 0 });
  readonly #fromCell = new OperationReader({ table: TO_HOST, output: MIN_OUTPUT_BYTES });

  private constructor(make: (bench: CellBench, out: Outbox) => Runtime) {
    const writer = new OperationWriter();
    const unsent = () => this.pending;
    this.out = new Outbox({
      stream: {
        out: writer,
        get pending() {
          return unsent();
        },
        flush: () => this.#take(writer),
      },
      now: () => this.time,
      schedule: (flush) => void setTimeout(flush, 0),
    });
    this.runtime = make(this, this.out);
  }

  /** @param exported the default export of a module */
  static async load(exported: unknown): Promise<CellBench> {
    const handlers = await makeHandlers(exported, makeKit({ publish() {}, log() {} }));
    return new CellBench((bench, out) =>
      new Runtime(handlers, { out, now: () => bench.time, random: () => "0".repeat(36) })
    );
  }

  /** Sends one operation. Returns whether the runtime stopped because its work took long. */
  send(code: ToCell, session: number, id: number, extra = 0, first: string | Uint8Array = ""): boolean {
    this.#toCell.write(code, session, id, extra, first);
    return this.receive();
  }

  /** Adds an operation to the chunk that the next {@linkcode CellBench.send} sends. */
  add(code: ToCell, session: number, id: number, extra = 0, first: string | Uint8Array = ""): void {
    this.#toCell.write(code, session, id, extra, first);
  }

  receive(): boolean {
    const bytes = this.#toCell.take();
    if (bytes.length > 0) {
      this.#chunk = bytes.slice();
      this.#fromHost.push(this.#chunk);
    }
    const isBusy = this.runtime.receive(this.#fromHost);
    // The bytes of an operation are valid only while it is started.
    if (!isBusy) this.#chunk.fill(0);
    return isBusy;
  }

  open(session: number, call: number, claims: Record<string, unknown> = {}): void {
    const user = { id: "ann", roles: ["user"], claims };
    const connection = { id: `connection ${session}`, ip: "192.0.2.1", subprotocol: "test.v1" };
    this.send(ToCell.Open, session, call, 0, JSON.stringify({ user, connection }));
  }

  /** Calls the method of that index. */
  call(session: number, call: number, method: number, params: unknown = {}): void {
    this.send(ToCell.Call, session, call, method, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "", params }));
  }

  /** Waits until all promises that can settle have, and their answers are sent. */
  async settled(): Promise<Sent[]> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.out.flush();
    return this.sent.splice(0);
  }

  #take(writer: OperationWriter): void {
    const bytes = writer.take();
    this.#fromCell.push(bytes.slice());
    for (let operation = this.#fromCell.next(); operation !== null; operation = this.#fromCell.next()) {
      const { code, session, id, extra } = operation;
      if (code === ToHost.Done) {
        this.done += id;
        continue;
      }
      const numbers = [session, id, extra].filter((operand) => operand !== 0);
      const texts = [operation.first, operation.second].map((text) => new TextDecoder().decode(text));
      this.sent.push([TO_HOST.get(code)!.name, ...numbers, ...texts.filter((text) => text !== "")]);
    }
    writer.giveBack(bytes);
  }
}
