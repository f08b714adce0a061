/** Items that wait for their turn, in the order in which they came. */
export class Backlog<Item> {
  readonly #items: Item[] = [];
  #running = false;

  /** Items that wait, and the one that is being run. */
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
   * Gives the items to `run`, in order, until `run` returns false: that item waits on and stays the first. Every other one is
   * run once, also when `run` throws.
   *
   * A call from within `run` does nothing: what an item sets off at once neither runs that item again nor another one on top
   * of it.
   *
   * @returns true when nothing waits any more
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
