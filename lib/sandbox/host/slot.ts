/**
 * A slot for a cell of a module: holds the sessions, and replaces a cell that ended.
 *
 * Way of a message: a call comes in from the session and goes to the slot's current cell. Refuses with -32004 while
 * there is none.
 */
import { ErrorCode } from "../../rpc/errors.ts";
import type { RestartCause } from "../../telemetry/telemetry.ts";
import type { Cell } from "./cell.ts";
import type { CellDeps } from "./cell_deps.ts";
import type { CellLink } from "./cell_link.ts";
import type { Contract } from "../author/contract.ts";
import type { CellClient, CellUser, PendingCall, PendingPublication } from "./cell_client.ts";
import { Seat } from "./seat.ts";

/** A cell with a loaded module. */
export interface Loaded {
  readonly link: CellLink;
  readonly contract: Contract;
  /** The module has an `open` hook, which is awaited. */
  readonly opens: boolean;
}

export interface SlotDeps {
  readonly now: () => number;
  readonly random: () => number;
  /** Maximum duration of a call in milliseconds. */
  readonly timeout: number;
  /** Starts a cell and loads the module; rejects if that fails. */
  readonly load: () => Promise<Loaded>;
  /** Creates the host's end of a loaded cell. */
  readonly makeCell: (loaded: Loaded, seats: ReadonlyMap<number, Seat>, told: Pick<CellDeps, "left" | "ended">) => Cell;
  /** A cell ended without an order. `delay` is the time in ms until the next try. */
  readonly ended: (cause: RestartCause, detail: string, delay: number) => void;
  /** A cell runs again, after `after` ms. */
  readonly restarted: (cause: RestartCause, after: number) => void;
}

/** After this uptime (ms), earlier failures no longer count. */
const STABLE_MS = 10_000;
/** Delays before consecutive restarts double from the first of these to the second (ms). */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 15_000;
/** Time of a replaced cell (ms) beyond its last calls. */
const LEAVE_GRACE_MS = 1_000;
/** Consecutive failures after which the module counts as unready while the cell is down. */
const STRIKES_UNREADY = 3;

export class Slot {
  readonly #deps: SlotDeps;
  readonly #seats = new Map<number, Seat>();
  #handles = 0;
  #cell: Cell | undefined;
  /** Replaced cells that finish their calls, and the deadline (ms) of each. */
  readonly #leaving = new Map<Cell, number>();
  #since = 0;
  #strikes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(deps: SlotDeps) {
    this.#deps = deps;
  }

  /** The cell that receives messages; undefined while it is started. */
  get cell(): Cell | undefined {
    return this.#cell;
  }

  /** All running cells. */
  get cells(): Cell[] {
    return this.#cell === undefined ? [...this.#leaving.keys()] : [this.#cell, ...this.#leaving.keys()];
  }

  get seats(): ReadonlyMap<number, Seat> {
    return this.#seats;
  }

  get ready(): boolean {
    return this.#cell !== undefined || this.#strikes < STRIKES_UNREADY;
  }

  attach(client: CellClient): SlotLine {
    const seat = new Seat(++this.#handles, client);
    this.#seats.set(seat.handle, seat);
    this.#cell?.open(seat, false);
    return new SlotLine(this, seat);
  }

  /** The client of `seat` has disconnected. */
  leave(seat: Seat, code: number): void {
    for (const cell of this.#leaving.keys()) cell.close(seat, code);
    if (this.#cell === undefined) this.#seats.delete(seat.handle);
    else this.#cell.close(seat, code);
  }

  /** Installs a loaded cell. The previous one finishes its calls and ends. */
  install(loaded: Loaded): void {
    const old = this.#cell;
    const cell = this.#deps.makeCell(loaded, this.#seats, {
      // Only the newest cell decides about a session.
      left: (seat) => cell === this.#cell && this.#seats.delete(seat.handle),
      ended: (cause, detail) => this.#ended(cell, cause, detail),
    });
    if (loaded.link.over) return cell.end("crash", "the cell ended while it was put in place");
    loaded.link.adopt(cell);
    void cell.serve();
    this.#cell = cell;
    this.#since = this.#deps.now();
    if (old !== undefined) this.#leaving.set(old, this.#since + this.#deps.timeout + LEAVE_GRACE_MS);
    for (const seat of this.#seats.values()) {
      if (seat.closing) this.#seats.delete(seat.handle);
      else {
        cell.open(seat, true);
        seat.client.resumed();
      }
    }
  }

  tick(now: number): void {
    for (const [cell, latest] of this.#leaving) {
      cell.tick(now);
      // A cell that gives itself work is never idle.
      if (cell.idle || now >= latest) cell.end("reload", "replaced by a new version");
    }
    this.#cell?.tick(now);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const cell of this.cells) cell.end("reload", "the server is closing");
    this.#cell = undefined;
    this.#seats.clear();
  }

  #ended(cell: Cell, cause: RestartCause, detail: string): void {
    if (this.#leaving.delete(cell)) return;
    if (this.#cell !== undefined && this.#cell !== cell) return;
    this.#cell = undefined;
    for (const seat of this.#seats.values()) {
      if (seat.closing) this.#seats.delete(seat.handle);
    }
    if (this.#closed) return;
    if (this.#deps.now() - this.#since >= STABLE_MS) this.#strikes = 0;
    this.#again(cause, detail);
  }

  #again(cause: RestartCause, detail: string): void {
    const strikes = this.#strikes++;
    const wait = strikes === 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(strikes - 1, 20));
    const delay = Math.round(wait * (0.5 + this.#deps.random() / 2));
    const began = this.#deps.now();
    this.#deps.ended(cause, detail, delay);
    this.#timer = setTimeout(async () => {
      try {
        const loaded = await this.#deps.load();
        if (this.#closed || this.#cell !== undefined) return loaded.link.end();
        this.install(loaded);
        this.#deps.restarted(cause, Math.round(this.#deps.now() - began));
      } catch (error) {
        if (!this.#closed && this.#cell === undefined) {
          this.#again("crash", error instanceof Error ? error.message : String(error));
        }
      }
    }, delay);
  }
}

/** A session's line to the current cell of its slot. Its messages are handled in order. */
export class SlotLine {
  readonly #slot: Slot;
  readonly #seat: Seat;

  constructor(slot: Slot, seat: Seat) {
    this.#slot = slot;
    this.#seat = seat;
  }

  /** `request` is the client's JSON text of one request object; the cell takes `.params` of it. Bytes are copied. */
  call(method: string, request: string | Uint8Array, call: PendingCall): void {
    const { cell } = this.#slot;
    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.call(this.#seat, method, request, call);
  }

  /** A raw frame; bytes are copied. */
  message(data: string | Uint8Array, call: PendingCall): void {
    const { cell } = this.#slot;
    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.message(this.#seat, data, call);
  }

  /**
   * Asks the module whether the client may follow the topic: the result is `true` or `false`. A question of a handler
   * (`ctx.subscribe`) does not wait for the end of `open`, which may be what asks.
   */
  allow(topic: string, asked: "by_handler" | "in_order", call: PendingCall): void {
    const { cell } = this.#slot;
    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.allow(this.#seat, topic, asked, call);
  }

  /**
   * Has the module check an event: `request` is JSON text of a request with `topic`, `event` and `data` as parameters. The
   * result is sent to the subscribers by then.
   */
  publish(topic: string, request: string | Uint8Array, call: PendingPublication): void {
    const { cell } = this.#slot;
    if (cell === undefined || this.#seat.closing) return call.reject(ErrorCode.OVERLOADED);
    cell.publish(this.#seat, topic, request, call);
  }

  /** The session's user changed (`session.refresh`). */
  identity(user: CellUser): void {
    this.#seat.user = user;
    if (!this.#seat.closing) this.#slot.cell?.identity(this.#seat);
  }

  /**
   * The client has disconnected: aborts `ctx.signal` of its calls, runs `close(ctx, code)`, detaches. Pending calls of
   * this line are rejected with -32004.
   */
  close(code: number): void {
    if (this.#seat.closing) return;
    this.#seat.closing = true;
    this.#slot.leave(this.#seat, code);
  }
}
