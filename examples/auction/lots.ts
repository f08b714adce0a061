/** Lots and their highest bids. Knows nothing of the server. */

/** A lot's state. `cents` is the highest bid, and where the lot starts while there is none. */
interface Lot {
  cents: number;
  winner: string | null;
  open: boolean;
}

export class Lots {
  readonly #lots = new Map<string, Lot>();

  has(name: string): boolean {
    return this.#lots.has(name);
  }

  isOpen(name: string): boolean {
    return this.#lots.get(name)?.open === true;
  }

  open(name: string, cents: number): void {
    this.#lots.set(name, { cents, winner: null, open: true });
  }

  /** The least that a bid has to offer, in cents. */
  least(name: string): number {
    const { cents, winner } = this.#known(name);
    return winner === null ? cents : cents + 1;
  }

  bid(name: string, cents: number, by: string): void {
    Object.assign(this.#known(name), { cents, winner: by });
  }

  /** Ends the lot. `winner` is null without a bid. */
  close(name: string): { cents: number; winner: string | null } {
    const lot = this.#known(name);
    lot.open = false;
    return { cents: lot.cents, winner: lot.winner };
  }

  #known(name: string): Lot {
    const lot = this.#lots.get(name);
    if (lot === undefined) throw new Error(`There is no lot ${name}`);
    return lot;
  }
}
