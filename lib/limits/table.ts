/** Tables of token buckets by key, in bounded memory. */
import { type Rate, TokenBucket } from "./bucket.ts";
import type { Account, SettledBucket, SpendingLedger } from "./spending_ledger.ts";

/** The ledger of a table whose buckets all nodes share. */
export interface Settled {
  readonly ledger: SpendingLedger;
  /** Unique among the tables of the ledger. */
  readonly space: string;
}

/** A bucket of a table. It stays in the table while a session holds it or it is not full. */
export class SharedBucket extends TokenBucket implements SettledBucket {
  /** Number of sessions that hold the bucket; each one decrements it when it ends. */
  holders = 0;
  account: Account | null = null;
  readonly #settled: Settled | undefined;

  constructor(readonly key: string, readonly limit: Readonly<Rate>, now: number, settled?: Settled) {
    super(limit, now);
    this.#settled = settled;
  }

  get name(): string {
    return `${this.#settled?.space}:${this.key}`;
  }

  override spend(cost: number, plain = cost): void {
    super.spend(cost, plain);
    if (this.account !== null) this.account.untold += plain;
    else if (this.#settled !== undefined) this.#settled.ledger.open(this, plain);
  }
}

export interface TableOptions {
  /** Maximum number of buckets with a key of their own. Default 65,536, about 10 MB when full. */
  capacity?: number;
  /** Number of buckets shared by keys beyond `capacity`. Default 1,024. */
  overflow?: number;
  /** Seed of the hash that assigns keys to shared buckets, so that clients can't predict it. Default random. */
  seed?: number;
}

/** Old buckets that each new key checks, to drop full ones. */
const LOOKED_AT = 4;

/** Old buckets that each new key checks while the table is full. */
const LOOKED_AT_WITHOUT_ROOM = 16;

/**
 * Buckets by key (an address, a user) in bounded memory. A full bucket equals a new one, so it is dropped: every new
 * key checks a few old buckets in rotation. The table contains little more than the keys that spent something within
 * the last `burst / rate` seconds. A million addresses need a million requests in that time to fill more than
 * `capacity`.
 *
 * At `capacity`, further keys share `overflow` buckets, chosen by a seeded hash, until there is room again. No flood of
 * keys can take more memory, or make the table forget the debt of another key. New keys then get less than their
 * configured rate, and never more than one shared bucket allows. A bucket held by a live session is never dropped.
 */
export class BucketTable {
  readonly limit: Rate;
  readonly #settled: Settled | undefined;
  readonly #capacity: number;
  readonly #seed: number;
  readonly #buckets = new Map<string, SharedBucket>();
  readonly #ring: SharedBucket[] = [];
  readonly #overflow: (SharedBucket | undefined)[];
  #hand = 0;

  /** `limit` may be changed later; all buckets follow. `settled`: all nodes share the buckets. */
  constructor(limit: Rate, options: TableOptions = {}, settled?: Settled) {
    this.limit = limit;
    this.#settled = settled;
    this.#capacity = options.capacity ?? 65_536;
    this.#overflow = new Array(options.overflow ?? 1024).fill(undefined);
    this.#seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  }

  /** Number of buckets with a key of their own. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The key's bucket; a new one is full. */
  find(key: string, now: number): SharedBucket {
    const known = this.#buckets.get(key);
    if (known) return known;
    this.sweep(this.#buckets.size < this.#capacity ? LOOKED_AT : LOOKED_AT_WITHOUT_ROOM, now);
    if (this.#buckets.size >= this.#capacity) return this.#shared(key, now);
    const bucket = new SharedBucket(key, this.limit, now, this.#settled);
    this.#buckets.set(key, bucket);
    this.#ring.push(bucket);
    return bucket;
  }

  /** The key's own bucket, if any. A key without one has spent nothing recently. */
  peek(key: string): SharedBucket | undefined {
    return this.#buckets.get(key);
  }

  /** The key's bucket, kept in the table until `holders` is 0 again. */
  hold(key: string, now: number): SharedBucket {
    const bucket = this.find(key, now);
    bucket.holders++;
    return bucket;
  }

  /** Checks the next `count` buckets and drops those that are full and not held. */
  sweep(count: number, now: number): void {
    for (let left = Math.min(count, this.#ring.length); left > 0; left--) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const bucket = this.#ring[this.#hand]!;
      if (bucket.holders > 0 || !bucket.full(now)) {
        this.#hand++;
        continue;
      }
      this.#buckets.delete(bucket.key);
      const last = this.#ring.pop()!;
      if (last !== bucket) this.#ring[this.#hand] = last;
    }
  }

  #shared(key: string, now: number): SharedBucket {
    const slot = hash(key, this.#seed) % this.#overflow.length;
    return this.#overflow[slot] ??= new SharedBucket("", this.limit, now);
  }
}

/** FNV-1a with a secret seed and a final mix. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
