/**
 * Runs handler modules where they can hurt nobody.
 *
 * In: configured modules, sessions (`attach`), their messages. Out: each module's contract, answers, and what handlers do to
 * sessions (`CellClient`). What can go wrong: a module that does not load (`SandboxError` from `startSandbox`); a call that
 * fails (-32603), waits for a cell that is overloaded or being replaced (-32004) or takes too long (-32005).
 */
import type { Log } from "../ops/log.ts";
import type { Telemetry } from "../ops/telemetry.ts";
import type { Contract } from "./contract.ts";
import type { CellClient, Line } from "./line.ts";
import { Pool } from "./pool.ts";
import type { HandlerSettings } from "./settings.ts";
import { watchModule } from "./reload.ts";
import { Watchdog } from "./watchdog.ts";

export type { Contract, JsonSchema, MethodContract } from "./contract.ts";
export { mayCall, openRpc, type OpenRpcDocument, openRpcOfAll, type OpenRpcOptions } from "./openrpc.ts";
export { SandboxError } from "./pool.ts";
export type { Grants, HandlerSettings } from "./settings.ts";
export type { CellClient, CellUser, Line, PendingCall, Present } from "./line.ts";

export interface SandboxDeps {
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Milliseconds; monotonic is best. */
  readonly now: () => number;
  /** Watches the modules' folders and takes up changed files (`--dev`). */
  readonly watch?: boolean;
}

/** All modules of a server. */
export interface Sandbox {
  /** By subprotocol. */
  readonly modules: ReadonlyMap<string, HandlerModule>;
  /** Ends every cell. Calls still pending answer -32004. */
  close(): Promise<void>;
}

/** One module and its cells. */
export interface HandlerModule {
  readonly subprotocol: string;
  /** Of the newest version that loaded. */
  readonly contract: Contract;
  /** False while no cell can stay up. */
  readonly ready: boolean;
  /** Calls and messages given to cells and not yet done. */
  readonly queueDepth: number;
  /** Gives the session to the least loaded cell, where it stays, and runs `open` there. */
  attach(client: CellClient): Line;
}

/**
 * Starts every module's cells. Throws a `SandboxError` for the first module that does not load, and an `AggregateError` of them
 * for several; nothing is left running then.
 */
export async function startSandbox(handlers: readonly HandlerSettings[], deps: SandboxDeps): Promise<Sandbox> {
  const { log, telemetry, now } = deps;
  const started = await Promise.allSettled(
    handlers.map((settings) => Pool.start(settings, { log, telemetry, now, random: Math.random })),
  );
  const pools = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const errors = started.flatMap((one) => one.status === "rejected" ? [one.reason as unknown] : []);
  if (errors.length > 0) {
    for (const pool of pools) pool.close();
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
      return Promise.resolve();
    },
  };
}
