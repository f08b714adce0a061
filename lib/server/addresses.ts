import type { Entry } from "../front/front.ts";

/** How many connections each address has open. Holds an entry only for addresses with at least one. */
export class Addresses {
  readonly #open = new Map<string, number>();

  get size(): number {
    return this.#open.size;
  }

  /** Takes a place for `key`, or null when `limit` places are taken. The place is given back once, by `leave`. */
  enter(key: string, limit: number): Entry | null {
    const open = this.#open.get(key) ?? 0;
    if (open >= limit) return null;
    this.#open.set(key, open + 1);
    let left = false;
    return {
      address: key,
      leave: () => {
        if (left) return;
        left = true;
        const rest = (this.#open.get(key) ?? 1) - 1;
        if (rest > 0) this.#open.set(key, rest);
        else this.#open.delete(key);
      },
    };
  }
}
