import { type Rate, TokenBucket } from "./bucket.ts";

/** A bucket of a table; it stays in the table as long as somebody holds it or it is not full. */
export class SharedBucket extends TokenBucket {
  /** How many sessions hold it; who gives it back takes one off. */
  holders = 0;

  constructor(readonly key: string, limit: Readonly<Rate>, now: number) {
    super(limit, now);
  }
}

export interface TableOptions {
  /** Buckets with a key of their own, at most. Default 65,536, which is about 10 MB when all are taken. */
  capacity?: number;
  /** Buckets shared by the keys for which there is no room. Default 1,024. */
  overflow?: number;
  /** Makes it unforeseeable which keys share a bucket. Default random. */
  seed?: number;
}

/** How many old buckets each new key looks at, to find some that are full; twice that keeps ahead of any flood of keys. */
const LOOKED_AT = 4;

/** The same when the table has no room left. */
const LOOKED_AT_WITHOUT_ROOM = 16;

/**
 * Buckets by key (an address, a user) in bounded memory. A full bucket is as good as none, so it is dropped: every new key
 * looks at a few old ones, going round, and the table holds little more than the keys that spent something within the last
 * `burst / rate` seconds. A million addresses need a million requests in that time to fill more than `capacity`.
 *
 * When there are that many, further keys share `overflow` buckets, chosen by a seeded hash, until there is room again: no
 * flood of keys can take more memory, or make the table forget what another key owes. New keys then find less than their
 * due, never more than one shared bucket's. A held bucket (of a live session) is never dropped.
 */
export class BucketTable {
  readonly limit: Rate;
  readonly #capacity: number;
  readonly #seed: number;
  readonly #buckets = new Map<string, SharedBucket>();
  readonly #ring: SharedBucket[] = [];
  readonly #overflow: (SharedBucket | undefined)[];
  #hand = 0;

  /** `limit` may be changed later, then all buckets follow. */
  constructor(limit: Rate, options: TableOptions = {}) {
    this.limit = limit;
    this.#capacity = options.capacity ?? 65_536;
    this.#overflow = new Array(options.overflow ?? 1024).fill(undefined);
    this.#seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  }

  /** Buckets with a key of their own. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The key's bucket; a new one is full. */
  find(key: string, now: number): SharedBucket {
    const known = this.#buckets.get(key);
    if (known) return known;
    this.sweep(this.#buckets.size < this.#capacity ? LOOKED_AT : LOOKED_AT_WITHOUT_ROOM, now);
    if (this.#buckets.size >= this.#capacity) return this.#shared(key, now);
    const bucket = new SharedBucket(key, this.limit, now);
    this.#buckets.set(key, bucket);
    this.#ring.push(bucket);
    return bucket;
  }

  /** The key's bucket if it has one of its own; a key without one has spent nothing lately. */
  peek(key: string): SharedBucket | undefined {
    return this.#buckets.get(key);
  }

  /** The key's bucket, kept until `holders` is 0 again. */
  hold(key: string, now: number): SharedBucket {
    const bucket = this.find(key, now);
    bucket.holders++;
    return bucket;
  }

  /** Looks at the next `count` buckets and drops those that are full and not held. */
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

/** FNV-1a, begun with a secret seed and mixed at the end. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
