/** Goes on reading from a peer that had our last word (RFC 9112 9.6, lingering close): it sees that, not a reset. */

import type { Connection } from "./connection.ts";
import type { Turnstile } from "../../timing/turnstile.ts";

/** Reads a chunk at a time, in turn with others: decrypting what nobody wants must not hold up those who are served. */
export class Drain {
  readonly #connection: Connection;
  readonly #turnstile: Turnstile;
  #drained = 0;
  #enough = false;
  #paused = false;

  constructor(connection: Connection, turnstile: Turnstile) {
    this.#connection = connection;
    this.#turnstile = turnstile;
  }

  /**
   * `size` bytes were read. False when that makes more than `most` in all: nothing is read any more, and the peer feels
   * TCP's flow control.
   */
  received(size: number, most: number): boolean {
    this.#drained += size;
    this.#enough = this.#drained > most;
    // One read may come as several chunks.
    if (!this.#paused) {
      this.#paused = true;
      this.#connection.pause();
      this.#turnstile.pass(this.#connection.address, () => this.#goOn());
    }
    return !this.#enough;
  }

  #goOn(): void {
    if (this.#enough) return;
    this.#paused = false;
    this.#connection.resume();
  }
}
