/**
 * What waits for its turn: a line for each owner, and the lines take turns. Whoever comes waits behind as many others as
 * there are owners, not behind all of a flood. Adding and taking cost a map entry, however many wait.
 */
export class FairQueue<Owner, Item> {
  /** In the order of their turns; none is empty. */
  readonly #lines = new Map<Owner, Item[]>();
  #size = 0;

  /** Items of all owners. */
  get size(): number {
    return this.#size;
  }

  /** Items of one owner. */
  sizeOf(owner: Owner): number {
    return this.#lines.get(owner)?.length ?? 0;
  }

  add(owner: Owner, item: Item): void {
    this.#size++;
    const line = this.#lines.get(owner);
    if (line === undefined) this.#lines.set(owner, [item]);
    else line.push(item);
  }

  /** Takes the next item: the first of the owner whose turn it is. Undefined when none waits. */
  next(): Item | undefined {
    return this.nextOf()?.[1];
  }

  /** As `next`, with the item's owner. */
  nextOf(): [Owner, Item] | undefined {
    const first = this.#lines.entries().next();
    if (first.done) return undefined;
    const [owner, line] = first.value;
    this.#size--;
    this.#lines.delete(owner);
    const item = line.shift()!;
    if (line.length > 0) this.#lines.set(owner, line);
    return [owner, item];
  }
}
