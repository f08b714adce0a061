/** A session's place in a slot. */
import type { CellClient, CellUser } from "./cell_client.ts";

/** A session's place in a slot. It survives replacements of the cell. */
export class Seat {
  /** The client has disconnected; the cell may still run the `close` hook. */
  closing = false;
  user: CellUser;

  constructor(readonly handle: number, readonly client: CellClient) {
    this.user = client.user;
  }
}
