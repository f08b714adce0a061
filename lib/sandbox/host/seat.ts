import { ErrorCode } from "../../rpc/errors.ts";
import type { CellClient, CellUser, Line, PendingCall } from "./line.ts";
import type { Slot } from "./slot.ts";

/** A session's place in a slot: its `Line`, which outlives the cells that come and go in the slot. */
export class Seat implements Line {
  /** The client left; the cell may still be running the `close` hook. */
  closing = false;
  /** A subscription was refused because there are too many; it is logged once. */
  overSubscribed = false;
  user: CellUser;

  constructor(readonly handle: number, readonly client: CellClient, readonly slot: Slot) {
    this.user = client.user;
  }

  call(method: string, request: string | Uint8Array, call: PendingCall): void {
    const cell = this.slot.cell;
    if (cell === undefined || this.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.call(this, method, request, call);
  }

  message(data: string | Uint8Array, call: PendingCall): void {
    const cell = this.slot.cell;
    if (cell === undefined || this.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.message(this, data, call);
  }

  identity(user: CellUser): void {
    this.user = user;
    if (!this.closing) this.slot.cell?.identity(this);
  }

  close(code: number): void {
    if (this.closing) return;
    this.closing = true;
    this.slot.leave(this, code);
  }
}
