/** A handler module and its cells. */
import { cellCount } from "../config/config.ts";
import type { Log } from "../ops/log.ts";
import type { RestartCause, Telemetry } from "../ops/telemetry.ts";
import { Cell } from "./cell.ts";
import { type CellEnd, CellWorker, type CellWorkerOptions, grantedKinds } from "./cell_worker.ts";
import type { Contract } from "./contract.ts";
import { checkContract, type CheckedContract } from "./contract_check.ts";
import type { CellClient, Line } from "./line.ts";
import type { HandlerSettings } from "./settings.ts";
import { type Loaded, Slot } from "./slot.ts";

/** A module that can't be used, with every reason found. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  constructor(readonly module: string, readonly problems: readonly string[]) {
    super(`${module}: ${problems.join("; ")}`);
  }
}

export interface PoolDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly now: () => number;
  readonly random: () => number;
  /** See `CellWorkerOptions.entry`. */
  readonly entry?: string;
}

export class Pool {
  readonly settings: HandlerSettings;
  readonly #deps: PoolDeps;
  readonly #slots: Slot[] = [];
  readonly #url: string;
  readonly #folder: string;
  #contract!: Contract;
  #spare: Promise<Waiting> | undefined;
  #closed = false;

  private constructor(settings: HandlerSettings, deps: PoolDeps) {
    this.settings = settings;
    this.#deps = deps;
    this.#url = settings.module.startsWith("file:")
      ? settings.module
      : new URL(`file://${encodePath(settings.module)}`).href;
    this.#folder = new URL(".", this.#url).href;
  }

  /** Starts the module's cells. Throws a `SandboxError` when it does not load or its contract is wrong. */
  static async start(settings: HandlerSettings, deps: PoolDeps): Promise<Pool> {
    const pool = new Pool(settings, deps);
    const count = cellCount(settings, navigator.hardwareConcurrency);
    try {
      const loaded = await pool.#loadAll(count);
      for (const one of loaded) pool.#addSlot().install(one);
      pool.#contract = loaded[0]!.checked.contract;
    } catch (error) {
      pool.close();
      throw error;
    }
    pool.#keepSpare();
    return pool;
  }

  get subprotocol(): string {
    return this.settings.subprotocol;
  }

  get contract(): Contract {
    return this.#contract;
  }

  get ready(): boolean {
    return !this.#closed && this.#slots.some((slot) => slot.ready);
  }

  get queueDepth(): number {
    let depth = 0;
    for (const slot of this.#slots) depth += slot.cell?.depth ?? 0;
    return depth;
  }

  /** `file:` URL of the folder the module may import from. */
  get folder(): string {
    return this.#folder;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  attach(client: CellClient): Line {
    let best = this.#slots[0]!;
    for (const slot of this.#slots) {
      const better = slot.cell !== undefined && best.cell === undefined;
      if (better || (slot.cell !== undefined) === (best.cell !== undefined) && slot.seats.size < best.seats.size) {
        best = slot;
      }
    }
    return best.attach(client);
  }

  tick(now: number): void {
    for (const slot of this.#slots) slot.tick(now);
  }

  /**
   * Loads the module anew and moves every session to the new cells (`open` with `resumed: true`). When it does not load or its
   * contract is wrong, throws a `SandboxError` and everything stays as it was.
   */
  async reload(): Promise<void> {
    const loaded = await this.#loadAll(this.#slots.length);
    if (this.#closed) {
      for (const { worker } of loaded) worker.end();
      return;
    }
    this.#contract = loaded[0]!.checked.contract;
    this.#slots.forEach((slot, index) => {
      slot.install(loaded[index]!);
      this.#deps.telemetry.handlerRestart(this.subprotocol, "reload");
    });
    this.#deps.log.info("handler.restarted", { module: this.subprotocol, cause: "reload" });
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#slots) slot.close();
    void this.#spare?.then(({ worker }) => worker.end(), () => {});
    this.#spare = undefined;
  }

  #addSlot(): Slot {
    const { now, random } = this.#deps;
    const slot = new Slot({
      now,
      random,
      load: async () => {
        const loaded = await this.#load();
        this.#contract = loaded.checked.contract;
        this.#keepSpare();
        return loaded;
      },
      makeCell: (slot, loaded, ended) =>
        new Cell(loaded.worker, slot.seats, {
          module: this.subprotocol,
          log: this.#deps.log,
          now,
          timeout: this.settings.timeout,
          memory: this.settings.memory,
          opens: loaded.opens,
          ended,
        }),
      ended: (cause, detail, delay) => this.#reportEnd(cause, detail, delay),
      restarted: (cause, after) =>
        this.#deps.log.info("handler.restarted", { module: this.subprotocol, cause, duration_ms: after }),
    });
    this.#slots.push(slot);
    return slot;
  }

  #reportEnd(cause: RestartCause, detail: string, delay: number): void {
    this.#deps.telemetry.handlerRestart(this.subprotocol, cause);
    const event = cause === "timeout"
      ? "handler.timeout"
      : cause === "out_of_memory"
      ? "handler.out_of_memory"
      : "handler.failed";
    this.#deps.log.error(event, { module: this.subprotocol, cause, detail, restart_in_ms: delay });
  }

  async #loadAll(count: number): Promise<(Loaded & { checked: CheckedContract })[]> {
    const settled = await Promise.allSettled(Array.from({ length: count }, () => this.#load()));
    const failed = settled.find((one) => one.status === "rejected");
    if (failed === undefined) {
      return settled.map((one) => (one as PromiseFulfilledResult<Loaded & { checked: CheckedContract }>).value);
    }
    for (const one of settled) if (one.status === "fulfilled") one.value.worker.end();
    throw failed.reason;
  }

  /** A worker is started ahead, so that a cell that ended can be replaced without waiting half a second. */
  #keepSpare(): void {
    if (this.#closed || this.#spare !== undefined) return;
    const spare = this.#startWorker();
    this.#spare = spare;
    spare.catch(() => {
      if (this.#spare === spare) this.#spare = undefined;
    });
  }

  async #startWorker(): Promise<Waiting> {
    const events = new Events();
    const options: CellWorkerOptions = {
      memory: this.settings.memory,
      permissions: this.settings.permissions,
      folder: decodeURIComponent(new URL(this.#folder).pathname),
      ...(this.#deps.entry === undefined ? {} : { entry: this.#deps.entry }),
    };
    const worker = new CellWorker(options, events);
    await worker.up;
    return { worker, events };
  }

  async #load(): Promise<Loaded & { checked: CheckedContract }> {
    const spare = this.#spare;
    this.#spare = undefined;
    let waiting = await spare?.catch(() => undefined);
    if (waiting === undefined || waiting.worker.over) waiting = await this.#startWorker();
    const { worker, events } = waiting;
    let stuck: ReturnType<typeof setTimeout> | undefined;
    try {
      const request = { url: this.#url, folder: this.#folder, granted: grantedKinds(this.settings.permissions) };
      const late = new Promise<never>((_, reject) => {
        stuck = setTimeout(() => reject(new Error(`did not load within ${LOAD_MS} ms`)), LOAD_MS);
      });
      const checked = checkContract(await Promise.race([worker.load(request), late]));
      if ("problems" in checked) throw new SandboxError(this.settings.module, checked.problems);
      return { worker, checked, opens: checked.opens, adopt: (cell) => events.adopt(cell) };
    } catch (error) {
      worker.end();
      if (error instanceof SandboxError) throw error;
      throw new SandboxError(this.settings.module, [error instanceof Error ? error.message : String(error)]);
    } finally {
      clearTimeout(stuck);
    }
  }
}

/** Longest that a module may take to load, its top-level awaits included. */
const LOAD_MS = 10_000;

interface Waiting {
  readonly worker: CellWorker;
  readonly events: Events;
}

/** Events of a worker, kept for the cell that it will belong to. */
class Events {
  #cell: Cell | undefined;
  #early: unknown[] = [];

  adopt(cell: Cell): void {
    this.#cell = cell;
    for (const batch of this.#early.splice(0)) cell.receive(batch);
  }

  batch(batch: unknown): void {
    if (this.#cell !== undefined) this.#cell.receive(batch);
    else if (this.#early.length < 100) this.#early.push(batch);
  }

  ended(end: CellEnd): void {
    this.#cell?.end(end.cause, end.detail);
  }
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
