import type { Entry } from "../gate/gate.ts";

/** What one address has. */
interface Held {
  open: number;
  /** Those of them that have not proven who they are. */
  unproven: number;
}

/** How many connections each address has open. Holds an entry only for addresses with at least one. */
export class Addresses {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  /** How many connections of `key` have not proven yet who they are. */
  unproven(key: string): number {
    return this.#held.get(key)?.unproven ?? 0;
  }

  /**
   * Takes a place for `key`, or null when `limit` places are taken. The place is given back once, by `leave`.
   *
   * @param suspect see {@linkcode Entry.suspect}
   */
  enter(key: string, limit: number, suspect = false): Entry | null {
    const held = this.#held.get(key) ?? { open: 0, unproven: 0 };
    if (held.open >= limit) return null;
    this.#held.set(key, held);
    held.open++;
    held.unproven++;
    let proven = false;
    let left = false;
    const prove = () => {
      if (!proven) held.unproven--;
      proven = true;
    };
    return {
      address: key,
      suspect,
      admitted: prove,
      leave: () => {
        if (left) return;
        left = true;
        prove();
        if (--held.open === 0) this.#held.delete(key);
      },
    };
  }
}
