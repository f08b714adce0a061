/** The store on a SQLite file, with memory as fallback. */
import { MemoryStore } from "./memory.ts";
import type { RecordChange, SqliteStore } from "./sqlite.ts";
import type { Store, StoreDeps, StoreRecord } from "./records.ts";

/** Time after a failure before the file is tried again. */
const RETRY_MS = 5000;

/** Interval of removing expired records from the file. The write also shows that the file is writable. */
const PURGE_MS = 30_000;

/** Maximum number of removals to catch up on. Further ones are left to expire. */
const MAX_REMOVALS = 100_000;

/**
 * A store on a SQLite file that never throws. Memory mirrors every record. When the file fails (gone, full, corrupt,
 * read-only), memory answers and takes the writes. Each failure is logged as `store.failed` (`path`, `error`). The file
 * is tried again every five seconds, at the next write, `writable()` or `purge()`. When it works, all records in memory
 * are written to it, removals are applied, and `store.recovered` is logged.
 */
export class GuardedStore implements Store {
  readonly kind = "sqlite";
  epoch = 0;
  readonly #path: string;
  readonly #open: () => SqliteStore;
  readonly #deps: StoreDeps;
  readonly #mirror: MemoryStore;
  /** Records removed while the file was unavailable, by space and key. */
  readonly #removed = new Map<string, RecordChange>();
  #file: SqliteStore | null = null;
  #failedAt = 0;
  #purgedAt = -Infinity;
  #lastError: string | null = null;
  #closed = false;

  constructor(path: string, open: () => SqliteStore, deps: StoreDeps) {
    this.#path = path;
    this.#open = open;
    this.#deps = deps;
    this.#mirror = new MemoryStore(deps.now);
    this.#connect();
  }

  get(space: string, key: string): string | undefined {
    return this.#try((file) => file.get(space, key), () => this.#mirror.get(space, key));
  }

  set(space: string, key: string, value: string, expiresAt: number): void {
    this.#mirror.set(space, key, value, expiresAt);
    this.#removed.delete(id(space, key));
    this.#try((file) => file.set(space, key, value, expiresAt), () => {});
  }

  add(space: string, key: string, value: string, expiresAt: number): boolean {
    const added = this.#try(
      (file) => file.add(space, key, value, expiresAt),
      () => this.#mirror.get(space, key) === undefined,
    );
    if (!added) return false;
    this.#mirror.set(space, key, value, expiresAt);
    this.#removed.delete(id(space, key));
    return true;
  }

  take(space: string, key: string): string | undefined {
    const mirrored = this.#mirror.take(space, key);
    return this.#try((file) => file.take(space, key), () => {
      this.#remember({ space, key });
      return mirrored;
    });
  }

  delete(space: string, key: string): boolean {
    return this.take(space, key) !== undefined;
  }

  list(space: string): StoreRecord[] {
    return this.#try((file) => file.list(space), () => this.#mirror.list(space));
  }

  flush(): void {
    this.#try((file) => file.flush(), () => {});
  }

  writable(): boolean {
    return this.#ready() !== null;
  }

  purge(): void {
    if (this.#file && !this.#file.present()) this.#failed(new Error("the file was removed or replaced"));
    const now = this.#deps.now();
    if (now - this.#purgedAt < PURGE_MS && now >= this.#purgedAt) return void this.#ready();
    this.#purgedAt = now;
    this.#mirror.purge();
    this.#try((file) => {
      file.purge();
      file.set("store", "written", String(now), now + 2 * PURGE_MS);
    }, () => {});
  }

  close(): void {
    this.#closed = true;
    this.#file?.close();
    this.#file = null;
    this.#mirror.close();
  }

  /** Calls `ask` on the file; when it fails, logs that and calls `instead`. */
  #try<T>(ask: (file: SqliteStore) => T, instead: () => T): T {
    const file = this.#ready();
    if (file === null) return instead();
    try {
      return ask(file);
    } catch (error) {
      this.#failed(error);
      return instead();
    }
  }

  #ready(): SqliteStore | null {
    if (this.#file === null && !this.#closed) {
      const since = this.#deps.now() - this.#failedAt;
      // The difference is negative when the clock has been set back; the file is then tried at once.
      if (since >= RETRY_MS || since < 0) this.#connect();
    }
    return this.#file;
  }

  #connect(): void {
    let file: SqliteStore | null = null;
    try {
      file = this.#open();
      file.apply(this.#missed());
      for (const { space, key, value, expiresAt } of file.all()) this.#mirror.set(space, key, value, expiresAt);
    } catch (error) {
      file?.close();
      this.#failed(error);
      return;
    }
    this.#file = file;
    this.#removed.clear();
    if (this.#lastError === null) return;
    this.#lastError = null;
    this.epoch++;
    this.#deps.log.info("store.recovered", { path: this.#path });
  }

  *#missed(): Iterable<RecordChange> {
    yield* this.#removed.values();
    for (const space of this.#mirror.spaces()) {
      for (const record of this.#mirror.list(space)) yield { space, ...record };
    }
  }

  #remember(change: RecordChange): void {
    if (this.#removed.size >= MAX_REMOVALS) {
      let surplus = MAX_REMOVALS / 16;
      for (const oldest of this.#removed.keys()) {
        if (surplus-- <= 0) break;
        this.#removed.delete(oldest);
      }
    }
    this.#removed.set(id(change.space, change.key), change);
  }

  #failed(error: unknown): void {
    this.#file?.close();
    this.#file = null;
    this.#failedAt = this.#deps.now();
    const text = error instanceof Error ? error.message : String(error);
    // Each retry fails for the same reason: one line is enough.
    if (text === this.#lastError) return;
    this.#lastError = text;
    this.#deps.log.error("store.failed", { path: this.#path, error: text, instead: "memory" });
  }
}

function id(space: string, key: string): string {
  return `${space}\0${key}`;
}
