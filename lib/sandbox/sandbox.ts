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

export type { Contract, JsonSchema, MethodContract } from "./contract.ts";
export type { CellClient, CellUser, Line, PendingCall, Present } from "./line.ts";

/** What a module's cells may reach; each list is handed to the worker exactly as given. Programs and FFI can't be granted. */
export interface Grants {
  readonly net?: readonly string[] | undefined;
  readonly read?: readonly string[] | undefined;
  readonly write?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly sys?: readonly string[] | undefined;
  readonly import?: readonly string[] | undefined;
}

/** One `[[handlers]]` table of the configuration. */
export interface HandlerSettings {
  readonly subprotocol: string;
  /** Absolute path or `file:` URL. */
  readonly module: string;
  /** 0 = one per core. */
  readonly cells: number;
  /** Heap of one cell, bytes. The same again is allowed in buffers outside the heap. */
  readonly memory: number;
  /** Milliseconds one call may take. */
  readonly timeout: number;
  readonly permissions: Grants;
}

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

/** A module that can't be used, with every reason found. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  constructor(readonly module: string, readonly problems: readonly string[]) {
    super(`${module}: ${problems.join("; ")}`);
  }
}
