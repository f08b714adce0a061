/** Lets work through one at a time, so that a crowd at the door does not hold up those inside. */

import { FairQueue } from "./fair_queue.ts";

/** Whether those inside are talking: only then does anybody have to wait at a {@linkcode Turnstile}. */
export class Bustle {
  readonly #now: () => number;
  /** Counted up whenever somebody inside is heard. */
  heard = 0;
  #seen = 0;
  #at = -Infinity;

  /** `now` in ms, on a clock that nobody sets. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True until nobody was heard for a while. */
  get lively(): boolean {
    const now = this.#now();
    if (this.heard !== this.#seen) this.#at = now;
    this.#seen = this.heard;
    return now - this.#at < SILENCE_MS;
  }
}

const SILENCE_MS = 100;

/** Schedules one function at a time, so many ms later; none once it has ended. */
export class Pause {
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  readonly after = (run: () => void): void => {
    if (!this.#ended) this.#timer = setTimeout(run, this.#ms);
  };

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}

/** How many of one address may wait once half the room is taken. */
const FEW = 4;

/**
 * One piece of work at a time, and every socket is looked at between two of them. Addresses take turns: whoever comes waits
 * behind as many others as there are addresses, not behind all of a flood.
 */
export class Turnstile {
  readonly #bustle: Pick<Bustle, "lively">;
  readonly #schedule: (run: () => void) => void;
  readonly #room: number;
  /** By address. */
  readonly #waiting = new FairQueue<string, () => void>();
  /** Somebody was let through in this turn. */
  #closed = false;

  /**
   * @param schedule runs a function in a later turn, after all input was looked at
   * @param room how many may wait, see {@linkcode full}
   */
  constructor(
    bustle: Pick<Bustle, "lively">,
    schedule: (run: () => void) => void,
    room = Infinity,
  ) {
    this.#bustle = bustle;
    this.#schedule = schedule;
    this.#room = room;
  }

  /** Whether a piece of work added now would wait too long; that comes sooner for an address with many of them. */
  full(address: string): boolean {
    const { size } = this.#waiting;
    return size >= this.#room || size >= this.#room / 2 && this.#waiting.sizeOf(address) >= FEW;
  }

  /**
   * Calls `go`: at once when nobody need wait, else when it is its turn.
   *
   * @param address as limits count it ({@linkcode Entry.address})
   */
  pass(address: string, go: () => void): void {
    if (this.#closed) this.#waiting.add(address, go);
    else this.#let(go);
  }

  #let(go: () => void): void {
    if (this.#bustle.lively || this.#waiting.size > 0) {
      this.#closed = true;
      this.#schedule(() => this.#turn());
    }
    go();
  }

  #turn(): void {
    this.#closed = false;
    const go = this.#waiting.next();
    if (go !== undefined) this.#let(go);
  }
}
