/**
 * Lingering close (RFC 9112 9.6): continues to read after our last bytes, so that the peer gets them instead of a
 * reset.
 */

import type { Turnstile } from "../../timing/turnstile.ts";
import { type EdgeConnection, READ_BUFFER_BYTES } from "./connection.ts";

/** Maximum number of bytes read while the peer's close frame is awaited, which may be behind the data in transit. */
export const MAX_AWAITED_BYTES = 4 * READ_BUFFER_BYTES;

/**
 * Maximum number of bytes read after our close frame. A peer that keeps sending can still read that frame until the
 * deadline.
 */
export const MAX_DRAINED_BYTES = READ_BUFFER_BYTES;

/**
 * Reads and discards one chunk at a time, in turn with other connections, so that decrypting does not delay open
 * sessions.
 */
export class Drain {
  readonly #connection: EdgeConnection;
  readonly #turnstile: Turnstile;
  #drained = 0;
  #enough = false;
  #paused = false;

  constructor(connection: EdgeConnection, turnstile: Turnstile) {
    this.#connection = connection;
    this.#turnstile = turnstile;
  }

  /**
   * Records `size` discarded bytes. False when the total exceeds `most`: reading then stops, and TCP flow control slows
   * the peer.
   */
  received(size: number, most: number): boolean {
    this.#drained += size;
    this.#enough = this.#drained > most;
    // One read may be delivered in several chunks.
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
