/** The store in memory. */
import type { Store, StoreRecord } from "./records.ts";

interface MemoryRecord {
  readonly value: string;
  readonly expiresAt: number;
}

/** Writes after which expired records are removed, even without a call of `purge`. */
const WRITES_BETWEEN_PURGES = 4096;

/** Records in memory, lost at the end of the process. Also the fallback of a failing file. */
export class MemoryStore implements Store {
  readonly kind = "memory";
  readonly epoch = 0;
  readonly #spaces = new Map<string, Map<string, MemoryRecord>>();
  readonly #now: () => number;
  #writes = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(space: string, key: string): string | undefined {
    return this.#live(space, key)?.value;
  }

  set(space: string, key: string, value: string, expiresAt: number): void {
    if (++this.#writes % WRITES_BETWEEN_PURGES === 0) this.purge();
    let records = this.#spaces.get(space);
    if (!records) this.#spaces.set(space, records = new Map());
    records.set(key, { value, expiresAt });
  }

  add(space: string, key: string, value: string, expiresAt: number): boolean {
    if (this.#live(space, key)) return false;
    this.set(space, key, value, expiresAt);
    return true;
  }

  take(space: string, key: string): string | undefined {
    const entry = this.#live(space, key);
    this.#spaces.get(space)?.delete(key);
    return entry?.value;
  }

  delete(space: string, key: string): boolean {
    return this.take(space, key) !== undefined;
  }

  list(space: string): StoreRecord[] {
    const now = this.#now();
    const live: StoreRecord[] = [];
    for (const [key, { value, expiresAt }] of this.#spaces.get(space) ?? []) {
      if (expiresAt > now) live.push({ key, value, expiresAt });
    }
    return live;
  }

  /** Names of the spaces with records. */
  spaces(): string[] {
    return [...this.#spaces.keys()];
  }

  flush(): void {}

  writable(): boolean {
    return true;
  }

  purge(): void {
    const now = this.#now();
    for (const [space, records] of this.#spaces) {
      for (const [key, { expiresAt }] of records) if (expiresAt <= now) records.delete(key);
      if (records.size === 0) this.#spaces.delete(space);
    }
  }

  close(): void {
    this.#spaces.clear();
  }

  #live(space: string, key: string): MemoryRecord | undefined {
    const entry = this.#spaces.get(space)?.get(key);
    return entry && entry.expiresAt > this.#now() ? entry : undefined;
  }
}
