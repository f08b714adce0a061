/** Tokens that this node has spent from buckets that all nodes share. */
import type { Rate } from "./bucket.ts";

/** Spending below this part of the burst is not told. A user may gain as much on each further node. */
const TOLD_PART = 1 / 4;

/** Maximum number of buckets in one settlement; the others follow in the next ones. */
const MAX_TOLD = 1_000;

/** A bucket with an account. */
export interface SettledBucket {
  /** Unique among all tables. */
  readonly name: string;
  readonly limit: Readonly<Rate>;
  /** Its entry in the ledger; null while nothing was spent for the time in which the bucket refills. */
  account: Account | null;
  charge(tokens: number, now: number): void;
}

/** What was spent from a bucket. */
export interface Account {
  /** Tokens that the other nodes have not been told of. */
  untold: number;
  /** Settlements since as much as {@linkcode TOLD_PART} was spent. */
  age: number;
  /** It was told at least once, so the other nodes may have spent from it too. */
  isTold: boolean;
}

/** Tokens spent, and those that the bucket gains a second. */
export interface Spent {
  readonly tokens: number;
  readonly rate: number;
}

/**
 * The accounts of buckets that all nodes share. The local bucket decides by itself. At each settlement, what it spent
 * is told to the other nodes, and what they spent is charged to it.
 *
 * An account with little spending during the time in which its bucket refills is closed: those tokens are back on every
 * node.
 */
export class SpendingLedger {
  readonly #intervalMs: number;
  readonly #open = new Set<SettledBucket>();
  #told = new Map<string, SettledBucket>();

  /** `intervalMs` is the time between two settlements. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Number of open accounts. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens the bucket's account with its first spending. */
  open(bucket: SettledBucket, tokens: number): void {
    bucket.account = { untold: tokens, age: 0, isTold: false };
    this.#open.add(bucket);
  }

  /** The spending to tell now, by name of the bucket. */
  collect(): Map<string, Spent> {
    const told = new Map<string, Spent>();
    this.#told = new Map();
    for (const bucket of this.#open) {
      const tokens = this.#due(bucket, this.#told.size < MAX_TOLD);
      if (tokens < 0) continue;
      const { name, limit: { rate } } = bucket;
      // A bucket that was dropped from its table and made again has two accounts for a while.
      told.set(name, { tokens: tokens + (told.get(name)?.tokens ?? 0), rate });
      this.#told.set(name, bucket);
    }
    // Those told now come last in the next settlement.
    for (const bucket of this.#told.values()) {
      this.#open.delete(bucket);
      this.#open.add(bucket);
    }
    return told;
  }

  /** Charges the tokens that the other nodes spent, by name of the bucket, after {@linkcode SpendingLedger.collect}. */
  charge(spent: ReadonlyMap<string, number>, now: number): void {
    for (const [name, tokens] of spent) if (tokens > 0) this.#told.get(name)?.charge(tokens, now);
  }

  /** Takes the tokens to tell of a bucket from its account; -1 for none. */
  #due(bucket: SettledBucket, hasRoom: boolean): number {
    const account = bucket.account!;
    const { rate, burst } = bucket.limit;
    const isMuch = account.untold >= burst * TOLD_PART;
    if (isMuch) account.age = 0;
    else if (++account.age * this.#intervalMs > burst / rate * 1000) {
      bucket.account = null;
      this.#open.delete(bucket);
      return -1;
    }
    if (!hasRoom || !(isMuch || account.isTold)) return -1;
    account.isTold = true;
    const tokens = account.untold;
    account.untold = 0;
    return tokens;
  }
}
