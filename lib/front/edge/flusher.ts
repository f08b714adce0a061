/** Flushes sockets once per tick. */

export interface Flushable {
  flush(): void;
}

/**
 * A list of sockets with queued data and one microtask for all of them: data that is queued together (a batch of
 * replies from a cell, a broadcast) leaves in one write per socket.
 */
export class Flusher {
  #dirty: Flushable[] = [];

  /** Adds a socket; the caller must not add itself twice before it is flushed. */
  add(socket: Flushable): void {
    if (this.#dirty.push(socket) === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const socket of dirty) socket.flush();
  };
}
