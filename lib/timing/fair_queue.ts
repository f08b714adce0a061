/**
 * A fair queue: one line for each owner, served in rotation. A new owner's item waits behind one item of each other
 * owner, not behind all items of a flood. Adding and removing cost a map entry, whatever the length.
 */
export class FairQueue<Owner, Item> {
  /** Lines in the order of their turns; none is empty. */
  readonly #lines = new Map<Owner, Item[]>();
  #size = 0;

  /** Number of items of all owners. */
  get size(): number {
    return this.#size;
  }

  /** Number of items of one owner. */
  sizeOf(owner: Owner): number {
    return this.#lines.get(owner)?.length ?? 0;
  }

  add(owner: Owner, item: Item): void {
    this.#size++;
    const line = this.#lines.get(owner);
    if (line === undefined) this.#lines.set(owner, [item]);
    else line.push(item);
  }

  /** Removes the next item: the first one of the next owner. Undefined when the queue is empty. */
  next(): Item | undefined {
    const first = this.#lines.entries().next();
    if (first.done) return undefined;
    const [owner, line] = first.value;
    this.#size--;
    this.#lines.delete(owner);
    const item = line.shift()!;
    if (line.length > 0) this.#lines.set(owner, line);
    return item;
  }
}
