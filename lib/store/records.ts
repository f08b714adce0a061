/** The interface of a store. */
import type { Log } from "../log/log.ts";

/**
 * A record: a JSON text under a key of a space, until a moment in milliseconds since the epoch (`Infinity`: permanent).
 */
export interface StoreRecord {
  readonly key: string;
  readonly value: string;
  readonly expiresAt: number;
}

/**
 * Expiring records in named spaces that survive a restart (bans, revocations, used tickets).
 *
 * Every call is synchronous, takes effect before it returns and never throws. A store without access to its file
 * continues in memory, logs `store.failed` and catches up later. A record after its `expiresAt` counts as absent. Each
 * operation is atomic, also among processes that share the file. Callers bound the number of records.
 */
export interface Store {
  readonly kind: "memory" | "sqlite";
  /** Incremented when records may have appeared because the file is available again. Caches must then be read again. */
  readonly epoch: number;
  get(space: string, key: string): string | undefined;
  /** Writes or replaces the record. It survives the end of the process (`SIGKILL`) once this returns. */
  set(space: string, key: string, value: string, expiresAt: number): void;
  /** Writes the record unless it exists; true if written. Of several callers with one key exactly one gets true. */
  add(space: string, key: string, value: string, expiresAt: number): boolean;
  /** Removes the record and returns its value. Of several callers exactly one gets it, for single-use records. */
  take(space: string, key: string): string | undefined;
  /** True if the record existed. */
  delete(space: string, key: string): boolean;
  /** All records of a space at the time of the call. */
  list(space: string): StoreRecord[];
  /**
   * Makes written records survive a power failure too. Slow (waits for the disk): for revocations, not for messages.
   */
  flush(): void;
  /** Whether writes reach the file; false means that memory stands in for it. Tries the file again when due. */
  writable(): boolean;
  /**
   * Removes expired records (from a file some time later, see `SqliteStore`), and checks that the file exists and is
   * writable. To be called every few seconds.
   */
  purge(): void;
  close(): void;
}

export interface StoreDeps {
  readonly log: Log;
  /** Monotonic clock, milliseconds since the epoch. */
  readonly now: () => number;
}
