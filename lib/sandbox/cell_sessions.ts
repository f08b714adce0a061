/** What a cell does to the sessions it serves: finds the session by the cell's own handle, and passes it on. */
import type { Log } from "../ops/log.ts";
import type { CellEffects } from "./cell_reader.ts";
import type { Present } from "./line.ts";
import type { Seat } from "./seat.ts";
import type { LEVELS } from "./wire.ts";

export interface CellSessionsDeps {
  /** Subprotocol of the module, for the log. */
  readonly module: string;
  readonly log: Log;
  /** The answer to a query: JSON of `Present[]`, or "" when it failed. */
  readonly present: (seat: Seat, query: number, text: string) => void;
}

export class CellSessions implements CellEffects {
  readonly #seats: ReadonlyMap<number, Seat>;
  readonly #deps: CellSessionsDeps;

  /** `seats` by handle. Handles are given in order: one that is missing was closed meanwhile. */
  constructor(seats: ReadonlyMap<number, Seat>, deps: CellSessionsDeps) {
    this.#seats = seats;
    this.#deps = deps;
  }

  notify(session: number, text: string): void {
    this.#present(session)?.client.notify(text);
  }

  send(session: number, data: string | Uint8Array): void {
    this.#present(session)?.client.send(data);
  }

  /** A session that is closing may still say so to others. */
  publish(session: number, topic: string, text: string): void {
    this.#seats.get(session)?.client.publish(topic, text);
  }

  subscribe(session: number, topic: string): void {
    this.#present(session)?.client.subscribe(topic);
  }

  unsubscribe(session: number, topic: string): void {
    this.#present(session)?.client.unsubscribe(topic);
  }

  presence(session: number, query: number, topic: string): void {
    const seat = this.#present(session);
    if (seat === undefined) return;
    new Promise<readonly Present[]>((resolve) => resolve(seat.client.presence(topic))).then(
      (present) => this.#deps.present(seat, query, JSON.stringify(present)),
      () => this.#deps.present(seat, query, ""),
    );
  }

  close(session: number, reason: string): void {
    this.#present(session)?.client.closeByHandler(reason);
  }

  /** Session 0 is the module itself. */
  log(session: number, level: typeof LEVELS[number], message: string, fields: Record<string, unknown>): void {
    if (session === 0) this.#deps.log[level]("handler.log", { module: this.#deps.module, message, fields });
    else this.#seats.get(session)?.client.logged(level, message, fields);
  }

  failed(session: number, ref: string, method: string, error: string): void {
    const client = this.#seats.get(session)?.client;
    this.#deps.log.error("handler.failed", {
      module: this.#deps.module,
      method,
      ref,
      ...(client ? { conn: client.id, user: client.user.id } : {}),
      error,
    });
  }

  #present(session: number): Seat | undefined {
    const seat = this.#seats.get(session);
    return seat === undefined || seat.closing ? undefined : seat;
  }
}
