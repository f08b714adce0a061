/** Gathers what is written during a tick. */

export interface Flushable {
  flush(): void;
}

/**
 * One list of sockets with something to send, and one microtask for all of them: whatever is sent in one go (a batch of
 * replies from a cell, a broadcast) leaves in one write for each socket.
 */
export class Flusher {
  #dirty: Flushable[] = [];

  /** The caller adds itself only once until it is flushed. */
  add(socket: Flushable): void {
    if (this.#dirty.push(socket) === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const socket of dirty) socket.flush();
  };
}
