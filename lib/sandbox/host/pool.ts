/** A handler module and its cells. */
import { plainText } from "../../base/plain_text.ts";
import { cellCount } from "../../config/config.ts";
import { ErrorCode } from "../../rpc/errors.ts";
import type { Log } from "../../log/log.ts";
import type { RestartCause, Telemetry } from "../../telemetry/telemetry.ts";
import type { ReadingTurns } from "../../timing/reading_turns.ts";
import type { Contract, TopicContract } from "../author/contract.ts";
import { checkContract } from "../author/contract_check.ts";
import { TopicTable } from "../author/topic_table.ts";
import { moduleFolder } from "./module_file.ts";
import type { HandlerSettings } from "../wire/handler_settings.ts";
import { MIN_OUTPUT_BYTES } from "../wire/operations.ts";
import type { CellStarter } from "../wire/processes.ts";
import { Cell } from "./cell.ts";
import { CellLink } from "./cell_link.ts";
import type { CellListener } from "./cell_listener.ts";
import type { CellClient, Publication } from "./cell_client.ts";
import { LogAllowance } from "./log_allowance.ts";
import { type Loaded, Slot, type SlotLine } from "./slot.ts";
import { MODULE_SHARE, MODULE_WORK, WorkBudget } from "./work.ts";

/** Maximum length of a reason, in UTF-16 units. */
const MAX_PROBLEM_LENGTH = 1_000;

/**
 * A module is unusable, with all reasons. A reason is plain text on one line, because parts of it come from the module.
 */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly problems: readonly string[];

  constructor(readonly module: string, problems: readonly string[]) {
    const plain = problems.map((problem) => plainText(problem).slice(0, MAX_PROBLEM_LENGTH));
    super(`${module}: ${plain.join("; ")}`);
    this.problems = plain;
  }
}

export interface PoolDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly starter: CellStarter;
  /** Processors, for `cells = 0`. */
  readonly cores: number;
  readonly listener: CellListener;
  /** The work budget of all modules. */
  readonly work: WorkBudget;
  /** Their turns. */
  readonly turns: ReadingTurns;
  /** `messages.max_bytes`. */
  readonly maxBytes: number;
  /** Sends `message` to the subscribers of a topic of the module. Returns their number. */
  readonly publish: (subprotocol: string, topic: string, text: Uint8Array) => number;
}

export class Pool {
  readonly settings: HandlerSettings;
  readonly #index: number;
  readonly #deps: PoolDeps;
  readonly #budget: WorkBudget;
  readonly #logAllowance: LogAllowance;
  readonly #slots: Slot[] = [];
  #contract!: Contract;
  #topics!: TopicTable<TopicContract>;
  #closed = false;

  private constructor(settings: HandlerSettings, index: number, deps: PoolDeps) {
    this.settings = settings;
    this.#index = index;
    this.#deps = deps;
    this.#budget = new WorkBudget(MODULE_WORK, deps.now, deps.work, MODULE_SHARE);
    this.#logAllowance = new LogAllowance(deps.now);
  }

  /**
   * Starts the cells of the module with that index in the configuration.
   *
   * @throws {SandboxError} if it does not load or its contract is invalid
   */
  static async start(settings: HandlerSettings, index: number, deps: PoolDeps): Promise<Pool> {
    const pool = new Pool(settings, index, deps);
    const count = cellCount(settings, deps.cores);
    try {
      const loaded = await pool.#loadAll(count);
      pool.#offers(loaded[0]!.contract);
      for (const one of loaded) pool.#addSlot().install(one);
      deps.telemetry.handlerUsage(pool.subprotocol, () => pool.memory);
    } catch (error) {
      pool.close();
      throw error;
    }
    return pool;
  }

  get subprotocol(): string {
    return this.settings.subprotocol;
  }

  get contract(): Contract {
    return this.#contract;
  }

  topicOf(name: string): TopicContract | undefined {
    return this.#topics.of(name);
  }

  get ready(): boolean {
    return !this.#closed && this.#slots.some((slot) => slot.ready);
  }

  /** Operations that wait before the module's cells. */
  get queueDepth(): number {
    let depth = 0;
    for (const slot of this.#slots) depth += slot.cell?.depth ?? 0;
    return depth;
  }

  /** Memory of the running processes in bytes. */
  get memory(): number {
    return this.#slots.reduce((sum, { cells }) => sum + cells.reduce((all, { memory }) => all + memory, 0), 0);
  }

  /** Real path of the folder of the module's imports. */
  get folder(): string {
    return moduleFolder(this.settings.module);
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  attach(client: CellClient): SlotLine {
    let best = this.#slots[0]!;
    for (const slot of this.#slots) {
      const better = slot.cell !== undefined && best.cell === undefined;
      if (better || (slot.cell !== undefined) === (best.cell !== undefined) && slot.seats.size < best.seats.size) {
        best = slot;
      }
    }
    return best.attach(client);
  }

  /** By the least loaded cell. */
  publish(topic: string, event: string, dataJson: string): Promise<Publication> {
    const known = this.topicOf(topic);
    if (known === undefined) return Promise.resolve({ refused: "unknown_topic" });
    if (!known.events.has(event)) return Promise.resolve({ refused: "unknown_event" });
    const running = this.#slots.flatMap(({ cell }) => cell ?? []);
    if (running.length === 0) return Promise.resolve({ refused: "overloaded" });
    const cell = running.reduce((best, one) => one.depth < best.depth ? one : best);
    const names = `"topic":${JSON.stringify(topic)},"event":${JSON.stringify(event)}`;
    return new Promise((resolve) =>
      cell.publish(undefined, topic, `{"params":{${names},"data":${dataJson}}}`, {
        delivered: (delivered) => resolve({ delivered }),
        reject: (code, issues = "{}") => resolve(refusal(code, issues)),
      })
    );
  }

  tick(now: number): void {
    for (const slot of this.#slots) slot.tick(now);
  }

  /**
   * Loads the module again and moves every session to the new cells (`open` with `resumed: true`).
   *
   * @throws {SandboxError} if it does not load or its contract is invalid; nothing has changed then
   */
  async reload(): Promise<void> {
    const loaded = await this.#loadAll(this.#slots.length);
    if (this.#closed) {
      for (const { link } of loaded) link.end();
      return;
    }
    this.#offers(loaded[0]!.contract);
    this.#slots.forEach((slot, index) => {
      slot.install(loaded[index]!);
      this.#deps.telemetry.handlerRestart(this.subprotocol, "reload");
    });
    this.#deps.log.info("handler.restarted", { module: this.subprotocol, cause: "reload" });
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#slots) slot.close();
  }

  #offers(contract: Contract): void {
    this.#contract = contract;
    this.#topics = new TopicTable(contract.topics);
  }

  #addSlot(): Slot {
    const { now, random, log } = this.#deps;
    const slot = new Slot({
      now,
      random,
      timeout: this.settings.timeout,
      load: async () => {
        const loaded = await this.#load();
        this.#offers(loaded.contract);
        return loaded;
      },
      makeCell: ({ link, contract, opens }, seats, told) =>
        new Cell(link, seats, {
          ...told,
          module: this.subprotocol,
          log,
          now,
          timeout: this.settings.timeout,
          budget: this.#budget,
          logAllowance: this.#logAllowance,
          publish: (topic, text) => this.#deps.publish(this.subprotocol, topic, text),
          contract,
          opens,
          cpuUsed: (milliseconds) => this.#deps.telemetry.handlerCpu(this.subprotocol, milliseconds),
        }),
      ended: (cause, detail, delay) => this.#reportEnd(cause, detail, delay),
      restarted: (cause, after) =>
        log.info("handler.restarted", { module: this.subprotocol, cause, duration_ms: after }),
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

  async #loadAll(count: number): Promise<Loaded[]> {
    const settled = await Promise.allSettled(Array.from({ length: count }, () => this.#load()));
    const loaded = settled.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    if (loaded.length === count) return loaded;
    for (const { link } of loaded) link.end();
    throw settled.find((one) => one.status === "rejected")!.reason;
  }

  async #load(): Promise<Loaded> {
    const { starter, listener, log, maxBytes, turns } = this.#deps;
    const link = new CellLink({
      starter,
      listener,
      module: this.#index,
      name: this.subprotocol,
      maxOutputBytes: Math.max(maxBytes, MIN_OUTPUT_BYTES),
      log,
      budget: this.#budget,
      turn: turns.turn(),
      logAllowance: this.#logAllowance,
    });
    try {
      const checked = checkContract(await link.load());
      if ("problems" in checked) throw new SandboxError(this.settings.module, checked.problems);
      return { link, contract: checked.contract, opens: checked.opens };
    } catch (error) {
      link.end();
      if (error instanceof SandboxError) throw error;
      throw new SandboxError(this.settings.module, [error instanceof Error ? error.message : String(error)]);
    }
  }
}

function refusal(code: number, dataJson: string): Publication {
  if (code === ErrorCode.INVALID_PARAMS) return { refused: "invalid_data", dataJson };
  if (code === ErrorCode.OVERLOADED) return { refused: "overloaded" };
  return { refused: code === ErrorCode.TIMEOUT ? "timeout" : "failed" };
}
