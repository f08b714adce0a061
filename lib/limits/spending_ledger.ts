/** Tokens that this node has spent from buckets that all nodes share. */
import type { Rate } from "./bucket.ts";

/**
 * Spending below this part of the burst, or below the node's share of it where that is less, is not told. With less than
 * its share on each node, a user is within the rate.
 */
const TOLD_PART = 1 / 4;

/** Maximum number of buckets in one settlement; the others follow in the next ones. */
const MAX_TOLD = 1_000;

/**
 * The greatest debt of a bucket for the spending of other nodes, in bursts. Each of many nodes may have spent some before
 * it learned of the others; with a smaller debt, that would be forgotten. A wrong report does no more harm than this.
 */
const MAX_DEBT_BURSTS = 10;

/** A bucket with an account. */
export interface SettledBucket {
  /** Unique among all tables. */
  readonly name: string;
  readonly limit: Readonly<Rate>;
  /** Its entry in the ledger; null while nothing was spent for the time in which the bucket refills. */
  account: Account | null;
  charge(tokens: number, now: number, bursts: number): void;
}

/** The tokens spent from a bucket. */
export interface Account {
  /** Tokens that the other nodes have not been told of. */
  untold: number;
  /** Settlements since so much was spent that it was told. */
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

  /** The spending to tell now, by name of the bucket. `nodes` is the number of live nodes. */
  collect(nodes: number): Map<string, Spent> {
    const part = Math.min(TOLD_PART, 1 / nodes);
    const told = new Map<string, Spent>();
    this.#told = new Map();
    for (const bucket of this.#open) {
      const tokens = this.#due(bucket, part, this.#told.size < MAX_TOLD);
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
    for (const [name, tokens] of spent) if (tokens > 0) this.#told.get(name)?.charge(tokens, now, MAX_DEBT_BURSTS);
  }

  /** Takes the tokens to tell of a bucket from its account; -1 for none. */
  #due(bucket: SettledBucket, part: number, hasRoom: boolean): number {
    const account = bucket.account!;
    const { rate, burst } = bucket.limit;
    const isMuch = account.untold >= burst * part;
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
