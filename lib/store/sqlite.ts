/** The store in a SQLite file. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { StoreRecord } from "./records.ts";

/** The layout of the table, kept in the file's `user_version`. */
const SCHEMA_VERSION = 1;

/**
 * Expired bans and revocations stay in the file for this long. A process that starts while the clock is days ahead
 * takes valid records for expired; they apply again once the clock is right.
 */
const KEPT_AFTER_END_MS = 7 * 86_400_000;
const KEPT_SPACES = ["ban", "revocation"];

/** How long a write waits for another process with the same file. The event loop is blocked, so the time is short. */
const BUSY_TIMEOUT_MS = 100;

const TABLE = `CREATE TABLE IF NOT EXISTS record (
  space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires_at REAL NOT NULL, PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID`;

/** A record to write, or, without a value, to remove. */
export interface RecordChange {
  readonly space: string;
  readonly key: string;
  readonly value?: string;
  readonly expiresAt?: number;
}

/**
 * Expiring records in one SQLite file, mode 0600. Each call is a transaction that is committed when it returns. It
 * throws SQLite's errors (`Error` with `code` `ERR_SQLITE_ERROR`), which `GuardedStore` handles.
 *
 * The journal mode is WAL with `synchronous=NORMAL`: a commit is in the kernel after some tens of microseconds, so it
 * survives the death of the process at any moment. A power failure may lose the last commits, but never corrupts the
 * file. `flush` waits for the disk, for records that must survive that too. With `FULL`, every used ticket would wait
 * for the disk.
 */
export class SqliteStore {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #path: string;
  readonly #inode: number | null;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #add: StatementSync;
  readonly #take: StatementSync;
  readonly #list: StatementSync;
  readonly #all: StatementSync;
  readonly #purge: StatementSync;

  /** @throws {Error} if the file can't be opened for writing, is not a database, or was made by a later version */
  constructor(path: string, now: () => number) {
    // Created here, so that the mode is right from the start; SQLite gives its side files the mode of the main one.
    Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 }).close();
    this.#path = path;
    this.#now = now;
    this.#inode = Deno.statSync(path).ino;
    this.#db = new DatabaseSync(path);
    try {
      this.#db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL`);
      this.#migrate();
      this.#get = this.#db.prepare("SELECT value FROM record WHERE space = ? AND key = ? AND expires_at > ?");
      this.#set = this.#db.prepare("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)");
      this.#add = this.#db.prepare(
        `INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
          SET value = excluded.value, expires_at = excluded.expires_at WHERE record.expires_at <= ?`,
      );
      this.#take = this.#db.prepare("DELETE FROM record WHERE space = ? AND key = ? RETURNING value, expires_at");
      this.#list = this.#db.prepare("SELECT key, value, expires_at FROM record WHERE space = ? AND expires_at > ?");
      this.#all = this.#db.prepare("SELECT space, key, value, expires_at FROM record WHERE expires_at > ?");
      this.#purge = this.#db.prepare(
        `DELETE FROM record WHERE expires_at <= ? OR
          (expires_at <= ? AND space NOT IN (${KEPT_SPACES.map((space) => `'${space}'`).join()}))`,
      );
      // Opening succeeds on a read-only file; only a write shows the error.
      this.purge();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get(space: string, key: string): string | undefined {
    const row = this.#get.get(space, encode(key), this.#now());
    return row && decode(row.value);
  }

  set(space: string, key: string, value: string, expiresAt: number): void {
    this.#set.run(space, encode(key), encode(value), expiresAt);
  }

  add(space: string, key: string, value: string, expiresAt: number): boolean {
    const { changes } = this.#add.run(space, encode(key), encode(value), expiresAt, this.#now());
    return Number(changes) === 1;
  }

  take(space: string, key: string): string | undefined {
    const row = this.#take.get(space, encode(key));
    return row && (row.expires_at as number) > this.#now() ? decode(row.value) : undefined;
  }

  list(space: string): StoreRecord[] {
    return this.#list.all(space, this.#now()).map((row) => ({
      key: decode(row.key),
      value: decode(row.value),
      expiresAt: row.expires_at as number,
    }));
  }

  /** Every record of every space. */
  all(): (StoreRecord & { space: string })[] {
    return this.#all.all(this.#now()).map((row) => ({
      space: row.space as string,
      key: decode(row.key),
      value: decode(row.value),
      expiresAt: row.expires_at as number,
    }));
  }

  /** Applies all changes or none. */
  apply(changes: Iterable<RecordChange>): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const { space, key, value, expiresAt } of changes) {
        if (value === undefined || expiresAt === undefined) this.#take.get(space, encode(key));
        else this.set(space, key, value, expiresAt);
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Waits until all commits are on disk: a checkpoint syncs the journal, then the file. */
  flush(): void {
    this.#db.exec("PRAGMA wal_checkpoint(FULL)");
  }

  purge(): void {
    const now = this.#now();
    this.#purge.run(now - KEPT_AFTER_END_MS, now);
  }

  /** False when the file has been removed or replaced. SQLite would continue to write to the removed file. */
  present(): boolean {
    try {
      return Deno.statSync(this.#path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  close(): void {
    try {
      this.#db.close();
    } catch {
      // A failed write has been reported already.
    }
  }

  #migrate(): void {
    const version = Number(this.#db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
    if (version > SCHEMA_VERSION) {
      throw new Error(`Cannot use a state file of version ${version}: this program knows version ${SCHEMA_VERSION}`);
    }
    this.#db.exec(TABLE);
    if (version !== SCHEMA_VERSION) this.#db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
}

/**
 * SQLite ends a text at its first NUL and replaces lone surrogates, so that one user's key could become another's. Such
 * texts are stored as JSON after a backslash.
 */
function encode(text: string): string {
  const plain = !text.startsWith("\\") && !text.includes("\0") && text.isWellFormed();
  return plain ? text : `\\${JSON.stringify(text)}`;
}

function decode(stored: unknown): string {
  const text = stored as string;
  return text.startsWith("\\") ? JSON.parse(text.slice(1)) : text;
}
