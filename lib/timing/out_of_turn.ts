/** One thing at a time for each key; others of the key wait in order. Holds an entry only for keys that are busy. */
export class OutOfTurn {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** How many keys are busy. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is the caller's turn, with the function that ends it; to be called once. */
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
