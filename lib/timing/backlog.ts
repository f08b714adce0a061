/** A queue of items that are run in order. */
export class Backlog<Item> {
  readonly #items: Item[] = [];
  #running = false;

  /** Number of items that wait, including the one that is running. */
  get size(): number {
    return this.#items.length + (this.#running ? 1 : 0);
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  clear(): void {
    this.#items.length = 0;
  }

  /**
   * Passes the items to `run` in order until `run` returns false. That item stays first. Every other item is run once,
   * even when `run` throws.
   *
   * A call from within `run` does nothing, so that an item is never run twice or nested in another one.
   *
   * @returns true when no item is left
   */
  run(run: (item: Item) => boolean): boolean {
    if (this.#running) return false;
    this.#running = true;
    try {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        if (run(item)) continue;
        this.#items.unshift(item);
        return false;
      }
      return true;
    } finally {
      this.#running = false;
    }
  }
}
