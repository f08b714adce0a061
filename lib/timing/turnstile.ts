/** Runs queued work one piece at a time, so that many handshakes do not delay open sessions. */

import { FairQueue } from "./fair_queue.ts";

/** Tracks whether open sessions are active. Work waits at a {@linkcode Turnstile} only while they are. */
export class Bustle {
  readonly #now: () => number;
  /** Incremented with each input of an open session. */
  heard = 0;
  #seen = 0;
  #at = -Infinity;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a session had input recently. */
  get lively(): boolean {
    const now = this.#now();
    if (this.heard !== this.#seen) this.#at = now;
    this.#seen = this.heard;
    return now - this.#at < SILENCE_MS;
  }
}

const SILENCE_MS = 100;

/** Schedules one function at a time after a delay in milliseconds; none after the end. */
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

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}

/** Maximum queued items of one address once the queue is half full. */
const FEW = 4;

/**
 * Runs one piece of work at a time and polls every socket in between. Addresses are served in rotation: a new item
 * waits behind one item of each address, not behind all items of a flood.
 */
export class Turnstile {
  readonly #bustle: Pick<Bustle, "lively">;
  readonly #schedule: (run: () => void) => void;
  readonly #room: number;
  /** Queued work by address. */
  readonly #waiting = new FairQueue<string, () => void>();
  /** A piece of work has run in this turn. */
  #closed = false;

  /**
   * @param schedule runs a function in a later turn, after all input has been polled
   * @param room maximum queue length, see {@linkcode full}
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

  /** Whether the queue is full. From half of the room on, also true for an address with several queued items. */
  full(address: string): boolean {
    const { size } = this.#waiting;
    return size >= this.#room || size >= this.#room / 2 && this.#waiting.sizeOf(address) >= FEW;
  }

  /**
   * Calls `go`, at once when the queue is empty and sessions are idle, otherwise at its turn.
   *
   * @param address as limits count it ({@linkcode AddressPermit.address})
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
