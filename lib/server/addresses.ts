/** Open connections by address, for the cap per address. */
import type { AddressPermit } from "../gate/gate.ts";

/** Connections of one address. */
interface Held {
  open: number;
  /** Those without a proven credential. */
  unproven: number;
}

/** Counts the open connections of each address. It has entries only for addresses with at least one. */
export class Addresses {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  /** Number of connections of `key` without a proven credential. */
  unproven(key: string): number {
    return this.#held.get(key)?.unproven ?? 0;
  }

  /**
   * Takes a place for `key`, or returns null when `limit` places are taken. `leave` returns the place once.
   *
   * @param suspect see {@linkcode AddressPermit.suspect}
   */
  enter(key: string, limit: number, suspect = false): AddressPermit | null {
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
