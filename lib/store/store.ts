import type { Log } from "../log/log.ts";
import { GuardedStore } from "./guarded.ts";
import { MemoryStore } from "./memory.ts";
import { SqliteStore } from "./sqlite.ts";

/** One record: a JSON text under a key of a space, until a moment in milliseconds since the epoch (`Infinity`: for good). */
export interface StoreRecord {
  readonly key: string;
  readonly value: string;
  readonly expiresAt: number;
}

/**
 * What survives a restart: expiring records in named spaces (bans, revocations, used tickets).
 *
 * Every call is synchronous, takes effect before it returns and never throws: a store that can't reach its file works on in
 * memory, says so (`store.failed`) and catches up later. A record past its `expiresAt` is as good as absent. Each operation
 * is atomic, also among processes that share the file. The number of records is bounded by those who write them.
 */
export interface Store {
  readonly kind: "memory" | "sqlite";
  /** Grows when records may have appeared that were not there before: the file came back. A cache of them has to be read again. */
  readonly epoch: number;
  get(space: string, key: string): string | undefined;
  /** Writes the record, replacing what is there. It survives the end of the process (`SIGKILL`) once this returns. */
  set(space: string, key: string, value: string, expiresAt: number): void;
  /** Writes the record unless there is one; true if it wrote. Of many callers with one key exactly one gets true. */
  add(space: string, key: string, value: string, expiresAt: number): boolean;
  /** Removes the record and returns its value. Of many callers exactly one gets it: made for what is used once. */
  take(space: string, key: string): string | undefined;
  /** True if there was such a record. */
  delete(space: string, key: string): boolean;
  /** All records of a space, as they are at the time of the call. */
  list(space: string): StoreRecord[];
  /** Makes what was written survive a loss of power too. Slow (waits for the disk): for revocations, not for every message. */
  flush(): void;
  /** Whether writes reach what they are to reach; false means that memory stands in for the file. Tries again when due. */
  writable(): boolean;
  /** Forgets what has expired (a file some time later, see `SqliteStore`), checks that the file is still there and can be written. To be called every few seconds. */
  purge(): void;
  close(): void;
}

/** `[store]` of the configuration. */
export interface StoreConfig {
  readonly kind: "memory" | "sqlite";
  readonly path?: string | undefined;
}

export interface StoreDeps {
  readonly log: Log;
  /** Milliseconds since the epoch, by a clock that nobody sets while the process runs. */
  readonly now: () => number;
}

/**
 * Opens the store that the configuration names. It always returns one: when the SQLite file can't be opened (corrupt,
 * read-only, missing folder), records are kept in memory, `store.failed` is logged and opening is tried again every few
 * seconds; then memory is written to the file, and `store.recovered` logged.
 *
 * @throws {TypeError} If the kind is `sqlite` and there is no path.
 */
export function openStore(config: StoreConfig, deps: StoreDeps): Store {
  if (config.kind === "memory") return new MemoryStore(deps.now);
  const { path } = config;
  if (path === undefined) throw new TypeError("A store of kind sqlite needs a path");
  return new GuardedStore(path, () => new SqliteStore(path, deps.now), deps);
}
