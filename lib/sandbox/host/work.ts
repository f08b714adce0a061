/**
 * Limits the work that modules cause in the front. Each module has a budget, and all of them share another one. A cell
 * of a module without budget is not read from until there is some again, so it does not delay other modules.
 *
 * One unit is about a microsecond of the front. An operation costs one unit, each receiver of a publication eight,
 * because each is written to separately, and each KiB that is read or copied for a receiver one. The bursts are small,
 * so that operations of other modules are processed every few milliseconds. One module alone can use half of the
 * front's processor. A large publication leaves a debt of seconds; a module within its share does not wait for the debt
 * of others.
 */

/** Units a second, and the maximum saved up. A budget may go into debt by one operation. */
export interface WorkRate {
  readonly rate: number;
  readonly burst: number;
}

export const MODULE_WORK: WorkRate = { rate: 500_000, burst: 1_000 };
export const TOTAL_WORK: WorkRate = { rate: 700_000, burst: 2_000 };
/** The guaranteed share of each module. */
export const MODULE_SHARE: WorkRate = { rate: 100_000, burst: 10_000 };

const BYTES_PER_UNIT = 1024;
const UNITS_PER_RECEIVER = 8;

/** The cost of an operation of `bytes` with `receivers`. */
export function workOf(bytes: number, receivers: number): number {
  return 1 + bytes / BYTES_PER_UNIT + receivers * (UNITS_PER_RECEIVER + bytes / BYTES_PER_UNIT);
}

export class WorkBudget {
  readonly #rate: WorkRate;
  readonly #now: () => number;
  readonly #parent: WorkBudget | undefined;
  readonly #share: WorkBudget | undefined;
  #units: number;
  #at: number;

  /**
   * `now` is monotonic, in milliseconds. Costs are also taken from `parent`, whose debt has no effect within `share`.
   */
  constructor(rate: WorkRate, now: () => number, parent?: WorkBudget, share?: WorkRate) {
    this.#rate = rate;
    this.#now = now;
    this.#parent = parent;
    this.#share = share && new WorkBudget(share, now);
    this.#units = rate.burst;
    this.#at = now();
  }

  take(units: number): void {
    this.#units -= units;
    this.#parent?.take(units);
    this.#share?.take(units);
  }

  /** Whether the caller must wait. Cheap while there is budget. */
  get spent(): boolean {
    return (this.#units <= 0 || this.#parent?.spent === true) && this.waitMs > 0;
  }

  /** Milliseconds until there is budget again; 0 when there is. */
  get waitMs(): number {
    const now = this.#now();
    const { rate, burst } = this.#rate;
    this.#units = Math.min(burst, this.#units + (now - this.#at) * rate / 1000);
    this.#at = now;
    const own = this.#units > 0 ? 0 : Math.ceil(1 - this.#units * 1000 / rate);
    const others = Math.min(this.#parent?.waitMs ?? 0, this.#share?.waitMs ?? Infinity);
    return Math.max(own, others);
  }
}
