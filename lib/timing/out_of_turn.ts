/** A mutex for each key with waiters in order. It has entries only for busy keys. */
export class OutOfTurn {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Number of busy keys. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the caller's turn with the function that ends it, which must be called once. */
  async turn(key: string): Promise<() => void> {
    const queue = this.#waiting.get(key);
    if (queue === undefined) this.#waiting.set(key, []);
    else await new Promise<void>((resolve) => queue.push(resolve));
    return () => this.#next(key);
  }

  #next(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) this.#waiting.delete(key);
    else next();
  }
}
