/** The connections of each user over all nodes, and their cap. */
import type { Counted, CountWriter } from "./count_writer.ts";
import type { Link } from "./link.ts";
import type { Liveness } from "./liveness.ts";
import type { Names } from "./partitions.ts";

type Outcome = "taken" | "full" | "unknown";

interface Seats {
  /** Seats of this node. */
  held: number;
  /** A call is in flight; `held` does not contain what it takes. */
  asking: boolean;
  readonly waiting: { readonly cap: number; readonly resolve: (outcome: Outcome) => void }[];
}

export interface SeatsDeps {
  readonly link: Link;
  readonly names: Names;
  readonly liveness: Liveness;
  readonly writer: () => CountWriter;
}

/**
 * Seats of users. A node has a field in the hash of a user, with the number of seats that it holds. One script compares
 * the sum over live nodes with the cap. Of one user, one call is in flight; calls that come before its answer share the next.
 */
export class SeatBook {
  readonly #deps: SeatsDeps;
  readonly #users = new Map<string, Seats>();

  constructor(deps: SeatsDeps) {
    this.#deps = deps;
  }

  seat(user: string, cap: number): Promise<Outcome> {
    let seats = this.#users.get(user);
    if (seats === undefined) this.#users.set(user, seats = { held: 0, asking: false, waiting: [] });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    seats.waiting.push({ cap, resolve });
    if (!seats.asking) this.#ask(user, seats);
    return promise;
  }

  unseat(user: string): void {
    const seats = this.#users.get(user);
    if (seats === undefined || seats.held === 0) return;
    seats.held--;
    this.#changed(user, seats);
  }

  *all(): Generator<Counted> {
    for (const [user, seats] of this.#users) yield this.#counted(user, seats);
  }

  /** Asks for all seats that are waited for at once. */
  async #ask(user: string, seats: Seats): Promise<void> {
    const asked = seats.waiting.splice(0);
    const cap = Math.min(...asked.map(({ cap }) => cap));
    const { held } = seats;
    seats.asking = true;
    const taken = await this.#take(user, held, asked.length, cap);
    seats.asking = false;
    seats.held += taken ?? asked.length;
    // Redis has what was held when it was asked.
    if (taken === null || seats.held !== held + taken) this.#changed(user, seats);
    asked.forEach(({ resolve }, index) => resolve(taken === null ? "unknown" : index < taken ? "taken" : "full"));
    if (seats.waiting.length > 0) this.#ask(user, seats);
    else this.#forgetEmpty(user, seats);
  }

  /** Takes seats and resolves to their number; null when the outcome is unknown. */
  async #take(user: string, held: number, wanted: number, cap: number): Promise<number | null> {
    if (held >= cap) return 0;
    const { link, liveness } = this.#deps;
    const { partition, key } = this.#place(user);
    const live = liveness.fields().filter((field) => field !== liveness.field);
    const args = [liveness.field, String(held), String(wanted), String(cap), ...live];
    try {
      return Number(await link.script(partition, "seat", [key], args));
    } catch {
      return null;
    }
  }

  #changed(user: string, seats: Seats): void {
    this.#deps.writer().changed(this.#counted(user, seats));
    this.#forgetEmpty(user, seats);
  }

  #counted(user: string, seats: Seats): Counted {
    const read = () => {
      // A user that left and came back has another entry.
      const current = this.#users.get(user) ?? seats;
      return current.asking ? null : current.held;
    };
    return { ...this.#place(user), field: this.#deps.liveness.field, read };
  }

  #forgetEmpty(user: string, seats: Seats): void {
    if (seats.held === 0 && !seats.asking && seats.waiting.length === 0) this.#users.delete(user);
  }

  #place(user: string): { partition: number; key: string } {
    return this.#deps.names.place("seats", user);
  }
}
