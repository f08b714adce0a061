/**
 * Runs handler modules in processes of their own.
 *
 * Input: configured modules, sessions (`attach`), their messages. Output: the contract of each module, answers, and
 * operations on sessions (`CellClient`). Errors: a module that does not load (`SandboxError` from `startSandbox`); a
 * call that fails (-32603), waits for an overloaded or replaced cell (-32004), or takes too long (-32005).
 *
 * Folders by process: `host/` runs in the front, `cell/` in a cell, `supervisor/` in the supervisor, `wire/` in all of
 * them; `author/` is the interface for authors of modules.
 */
import type { Log } from "../log/log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Contract, TopicContract } from "./author/contract.ts";
import { CellListener } from "./host/cell_listener.ts";
import { ReadingTurns } from "../timing/reading_turns.ts";
import type { CellClient, Publication } from "./host/cell_client.ts";
import type { SlotLine } from "./host/slot.ts";
import { Pool } from "./host/pool.ts";
import { watchModule } from "./host/reload.ts";
import { Watchdog } from "./host/watchdog.ts";
import { TOTAL_WORK, WorkBudget } from "./host/work.ts";
import type { HandlerSettings } from "./wire/handler_settings.ts";
import type { CellStarter } from "./wire/processes.ts";

export type { Contract, JsonSchema, MethodContract, TopicContract } from "./author/contract.ts";
export { isJudged, mayCall, mayFollow } from "./author/contract.ts";
export { SERVER_METHODS } from "./author/server_methods.ts";
export { SandboxError } from "./host/pool.ts";
export type { Grants, HandlerSettings } from "./wire/handler_settings.ts";
export type {
  CellClient,
  CellUser,
  PendingCall,
  PendingPublication,
  Present,
  Publication,
} from "./host/cell_client.ts";
export type { CellStarter } from "./wire/processes.ts";

export interface SandboxDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Runs a function after all input was looked at. Absent: in the next round of the event loop. */
  readonly afterInput?: (run: () => void) => void;
  /** Starts the processes. */
  readonly cells: CellStarter;
  /** Processors, for `cells = 0`. Default: those of the machine. */
  readonly cores?: number;
  /** `messages.max_bytes`; a module may send as much in one message, at least 1 MiB. */
  readonly maxBytes: number;
  /** Sends `text`, UTF-8, to the subscribers of a module's topic on all nodes. Returns the number of those on this node. */
  readonly publish: (subprotocol: string, topic: string, text: Uint8Array) => number;
  /** Watches the modules' folders and loads changed files (`--dev`). */
  readonly watch?: boolean;
  /**
   * Called for a module that does not load; the others then run without it. Without this callback, no module runs if
   * one does not load.
   */
  readonly failed?: (index: number, error: unknown) => void;
}

/** All modules of a server. */
export interface Sandbox {
  /** By subprotocol. */
  readonly modules: ReadonlyMap<string, HandlerModule>;
  /** Ends every cell. Calls still pending answer -32004. */
  close(): Promise<void>;
}

/** A session's line to its cell. */
export type Line = Pick<SlotLine, keyof SlotLine>;

/** One module and its cells. */
export interface HandlerModule {
  readonly subprotocol: string;
  /** Contract of the newest loaded version. */
  readonly contract: Contract;
  /** The declared topic that a name belongs to; undefined where there is none. */
  topicOf(name: string): TopicContract | undefined;
  /** False while no cell can stay up. */
  readonly ready: boolean;
  /** Operations that wait before the cells. */
  readonly queueDepth: number;
  /** Assigns the session to the least loaded cell, where it stays, and runs `open` there. */
  attach(client: CellClient): Line;
  /**
   * Sends an event that comes from outside of sessions to the subscribers of a declared topic, as the event's schema in the cell leaves
   * it. `dataJson` is JSON text of the event's data. Never rejects.
   */
  publish(topic: string, event: string, dataJson: string): Promise<Publication>;
}

/**
 * Starts the cells of every module. With `failed`, errors of modules are not thrown.
 *
 * @throws {SandboxError} for the first module that does not load, or an `AggregateError` for several; no process then
 * runs
 */
export async function startSandbox(handlers: readonly HandlerSettings[], deps: SandboxDeps): Promise<Sandbox> {
  const { log, telemetry, now, cells, maxBytes, publish } = deps;
  const listener = new CellListener(cells.socketPath, log);
  const work = new WorkBudget(TOTAL_WORK, now);
  const turns = new ReadingTurns(now, deps.afterInput ?? setImmediate);
  const random = Math.random;
  const cores = deps.cores ?? navigator.hardwareConcurrency;
  const poolDeps = { log, telemetry, now, random, cores, starter: cells, listener, work, turns, maxBytes, publish };
  const started = await Promise.allSettled(handlers.map((settings, index) => Pool.start(settings, index, poolDeps)));
  const pools: Pool[] = [];
  const errors: unknown[] = [];
  started.forEach((one, index) => {
    if (one.status === "fulfilled") pools.push(one.value);
    else if (deps.failed !== undefined) deps.failed(index, one.reason);
    else errors.push(one.reason);
  });
  if (errors.length > 0) {
    for (const pool of pools) pool.close();
    listener.close();
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join("; "));
  }
  const watchdog = new Watchdog(pools, now);
  const watchers = deps.watch === true ? pools.map((pool) => watchModule(pool, log)) : [];
  return {
    modules: new Map(pools.map((pool) => [pool.subprotocol, pool])),
    close() {
      watchdog.stop();
      for (const watcher of watchers) watcher.stop();
      for (const pool of pools) pool.close();
      listener.close();
      return Promise.resolve();
    },
  };
}
