/** Opens the configured store. */
import { GuardedStore } from "./guarded.ts";
import { MemoryStore } from "./memory.ts";
import type { Store, StoreDeps } from "./records.ts";
import { SqliteStore } from "./sqlite.ts";

export type { Store, StoreDeps, StoreRecord } from "./records.ts";

/** `[store]` of the configuration. */
export interface StoreConfig {
  readonly kind: "memory" | "sqlite";
  readonly path?: string | undefined;
}

/**
 * Opens the configured store. It always returns one: when the SQLite file can't be opened (corrupt, read-only, missing
 * folder), records are kept in memory, `store.failed` is logged and opening is tried again every few seconds. Then
 * memory is written to the file, and `store.recovered` is logged.
 *
 * @throws {TypeError} if the kind is `sqlite` and there is no path
 */
export function openStore(config: StoreConfig, deps: StoreDeps): Store {
  if (config.kind === "memory") return new MemoryStore(deps.now);
  const { path } = config;
  if (path === undefined) throw new TypeError("A store of kind sqlite needs a path");
  return new GuardedStore(path, () => new SqliteStore(path, deps.now), deps);
}
