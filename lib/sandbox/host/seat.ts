import type { CellClient, CellUser } from "./line.ts";

/** A session's place in a slot; it outlives the cells that come and go there. */
export class Seat {
  /** The client left; the cell may still be running the `close` hook. */
  closing = false;
  /** A subscription was refused because there are too many; it is logged once. */
  overSubscribed = false;
  user: CellUser;

  constructor(readonly handle: number, readonly client: CellClient) {
    this.user = client.user;
  }
}
