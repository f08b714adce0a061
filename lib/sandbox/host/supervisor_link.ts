/** The front's end of the channel to its supervisor, which starts cells and passes on the operator's orders. */
import { Socket } from "node:net";
import { dirname } from "node:path";
import {
  ALIVE_INTERVAL_MS,
  encodeFrontFrame,
  type FrontFigures,
  type FrontFrame,
  FrontKind,
  FrontState,
} from "../wire/front_frames.ts";
import type { CellProcess, CellProcessEvents, CellStarter, ProcessEnd, Vitals } from "../wire/processes.ts";
import {
  decodeStarted,
  type FrontOrders,
  SupervisorKind,
  type SupervisorMessage,
  SupervisorReader,
} from "../wire/supervisor_messages.ts";

/** Descriptor of the channel to the supervisor. */
const CHANNEL_FD = 3;
/** Maximum bytes of queued signs of life. While the supervisor is stopped, further ones are dropped. */
const MAX_WAITING_BYTES = 4_096;
/** Attempts to remove the folder of the sockets. */
const REMOVALS = 3;
const STARTING: FrontFigures = { state: FrontState.Starting, connections: 0, maxConnections: 0, responsive: true };

/** This process was not started by a supervisor. */
export class NoSupervisorError extends Error {
  override readonly name = "NoSupervisorError";
}

/** The channel is active from the moment it is opened. */
export class SupervisorLink implements CellStarter {
  /** Resolves when the supervisor orders the front to drain and end. */
  readonly stop: Promise<void>;
  readonly #output: Socket;
  readonly #cells = new Map<number, CellProcessEvents>();
  readonly #begun: Promise<void>;
  #orders: FrontOrders | undefined;
  #begin!: () => void;
  #stop!: () => void;
  #requests = 0;
  #figures: () => FrontFigures = () => STARTING;
  #reload: (() => Promise<void>) | undefined;
  #reloads: Promise<void> = Promise.resolve();
  #reloadWanted = false;

  private constructor(output: Socket) {
    this.#output = output;
    this.stop = new Promise((resolve) => this.#stop = resolve);
    this.#begun = new Promise((resolve) => this.#begin = resolve);
  }

  /**
   * Opens the channel and waits for the orders. From here on signs of life are sent. When the supervisor ends, this
   * process ends and removes the folder of the sockets.
   *
   * @throws {NoSupervisorError} if there is no supervisor
   */
  static async open(): Promise<SupervisorLink> {
    const link = new SupervisorLink(openChannel());
    link.#showLife();
    setInterval(() => link.#showLife(), ALIVE_INTERVAL_MS);
    void link.#listen();
    await link.#begun;
    return link;
  }

  /** The orders of the supervisor. */
  get orders(): FrontOrders {
    return this.#orders!;
  }

  get socketPath(): string {
    return this.orders.socketPath;
  }

  start(module: number, events: CellProcessEvents): CellProcess {
    const request = ++this.#requests;
    this.#cells.set(request, events);
    this.#send({ kind: FrontKind.Start, module, request });
    return { kill: () => this.#send({ kind: FrontKind.Kill, request }) };
  }

  /** Reports that the server listens; `figures` are sent with each sign of life. */
  ready(figures: () => FrontFigures): void {
    this.#figures = figures;
    this.#showLife();
    this.#send({ kind: FrontKind.Ready });
  }

  /** Calls `reload` for each order to reload, one at a time, including an earlier order. */
  onReload(reload: () => Promise<void>): void {
    this.#reload = async () => {
      await reload();
      this.#send({ kind: FrontKind.Reloaded });
    };
    if (this.#reloadWanted) this.#reloadNow();
  }

  #reloadNow(): void {
    const reload = this.#reload;
    if (reload) this.#reloads = this.#reloads.then(reload);
    else this.#reloadWanted = true;
  }

  #send(frame: FrontFrame): void {
    this.#output.write(encodeFrontFrame(frame));
  }

  #showLife(): void {
    if (this.#output.writableLength < MAX_WAITING_BYTES) this.#send({ kind: FrontKind.Alive, ...this.#figures() });
  }

  async #listen(): Promise<void> {
    try {
      const messages = new SupervisorReader();
      for await (const bytes of Deno.stdin.readable) {
        for (const message of messages.read(bytes)) this.#message(message);
      }
    } finally {
      // Also after invalid data of the supervisor, because the channel is then unusable.
      this.#end();
    }
  }

  #end(): never {
    if (this.#orders) removeFolder(dirname(this.#orders.socketPath));
    Deno.exit(1);
  }

  #message({ kind, request, payload }: SupervisorMessage): void {
    if (kind === SupervisorKind.Begin) {
      this.#orders = JSON.parse(new TextDecoder().decode(payload)) as FrontOrders;
      return this.#begin();
    }
    if (kind === SupervisorKind.Reload) return this.#reloadNow();
    if (kind === SupervisorKind.Stop) return this.#stop();
    const events = this.#cells.get(request);
    if (events === undefined) return;
    if (kind === SupervisorKind.Started) {
      const { secret, pid } = decodeStarted(payload);
      events.started(secret, pid);
    } else if (kind === SupervisorKind.Output) {
      events.output(payload);
    } else if (kind === SupervisorKind.Vitals) {
      events.vitals(decodeFigures(payload));
    } else if (kind === SupervisorKind.Ended) {
      this.#cells.delete(request);
      events.ended(JSON.parse(new TextDecoder().decode(payload)) as ProcessEnd);
    }
  }
}

function openChannel(): Socket {
  try {
    const socket = new Socket({ fd: CHANNEL_FD, readable: false, writable: true });
    socket.on("error", () => {});
    return socket;
  } catch {
    throw new NoSupervisorError("This command is the supervisor's, which serve starts");
  }
}

/** Removes a folder, which other fronts may be removing too: what one has listed, another may have removed by then. */
function removeFolder(path: string): void {
  for (let attempt = 0; attempt < REMOVALS; attempt++) {
    try {
      return Deno.removeSync(path, { recursive: true });
    } catch {
      // Gone, or the next attempt removes the rest.
    }
  }
}

function decodeFigures(payload: Uint8Array): Vitals {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return { memory: view.getFloat64(0, true), cpuMs: view.getFloat64(8, true) };
}
