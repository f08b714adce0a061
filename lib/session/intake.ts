/** Controls when a session reads from its socket. */
import type { TurnBudget, Turns } from "../limits/limits.ts";

/** The part of a socket that an intake uses. */
export interface Pausable {
  pause(): boolean;
  resume(): void;
}

/** Notified of pauses in reading. */
export interface Idler {
  paused(at: number): void;
  resumed(at: number): void;
}

/** Reasons for a pause in reading. Several may hold at once; reading continues when none does. */
export const PauseReason = {
  /** A message waits for its tokens (`limits.on_exceed = "delay"`). */
  MESSAGE: 1,
  /** A request waits for its method's tokens, or for room within `messages.max_in_flight`. */
  REQUEST: 2,
  /** The session has used its budget of this turn of the event loop. */
  TURN: 4,
  /** The server drains. */
  DRAINING: 8,
} as const;

/** Calls `run` after `milliseconds`, unless the returned function is called before. */
export type Later = (run: () => void, milliseconds: number) => () => void;

const timeout: Later = (run, milliseconds) => {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
};

/** Controls reading of a session: pauses for several reasons, and the budget of each turn. */
export class Intake {
  readonly #socket: Pausable;
  readonly #turns: Turns;
  readonly #idler: Idler;
  readonly #monotonic: () => number;
  readonly #budget: TurnBudget;
  readonly #later: Later;
  #reasons = 0;
  #cancel = () => {};
  #ended = false;

  /** `monotonic` is a monotonic clock in milliseconds. */
  constructor(
    socket: Pausable,
    turns: Turns,
    idler: Idler,
    monotonic: () => number,
    later: Later = timeout,
  ) {
    this.#socket = socket;
    this.#turns = turns;
    this.#idler = idler;
    this.#monotonic = monotonic;
    this.#budget = turns.budget();
    this.#later = later;
  }

  get paused(): boolean {
    return this.#reasons !== 0;
  }

  /** Pauses for a reason. False where the engine can't pause reading; nothing is paused then. */
  pause(reason: number): boolean {
    if (this.#reasons === 0) {
      if (!this.#socket.pause()) return false;
      this.#idler.paused(this.#monotonic());
    }
    this.#reasons |= reason;
    return true;
  }

  /** Ends the pause for a reason. May deliver messages before it returns. */
  resume(reason: number): void {
    if ((this.#reasons & reason) === 0) return;
    this.#reasons &= ~reason;
    if (this.#reasons !== 0 || this.#ended) return;
    this.#idler.resumed(this.#monotonic());
    this.#socket.resume();
  }

  /** Counts a message of `bytes`. A session that has used its budget continues after all input has been polled. */
  spend(bytes: number): void {
    if (this.#budget.take(bytes)) return;
    if (this.pause(PauseReason.TURN)) this.#turns.next(() => this.resume(PauseReason.TURN));
  }

  /** Calls `action` after `milliseconds`. One wait at a time, none after the end. */
  wait(milliseconds: number, action: () => void): void {
    this.#cancel();
    if (!this.#ended) this.#cancel = this.#later(action, Math.max(1, Math.ceil(milliseconds)));
  }

  /** Ends all waits and pauses. */
  stop(): void {
    this.#ended = true;
    this.#cancel();
  }
}
