/** The collaborators of the host's end of a cell. */
import type { Log } from "../../log/log.ts";
import type { RestartCause } from "../../telemetry/telemetry.ts";
import type { Contract } from "../author/contract.ts";
import type { CellLink } from "./cell_link.ts";
import type { LogAllowance } from "./log_allowance.ts";
import type { Seat } from "./seat.ts";
import type { WorkBudget } from "./work.ts";

/** The part of the link to a cell that is used here. */
export type CellEnd = Pick<CellLink, "next" | "more" | "end"> & {
  readonly stream: Pick<CellLink["stream"], "out" | "flush">;
};

export interface CellDeps {
  /** Subprotocol of the module, for the log. */
  readonly module: string;
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Maximum duration of a call in milliseconds. */
  readonly timeout: number;
  readonly budget: WorkBudget;
  readonly logAllowance: LogAllowance;
  readonly publish: (topic: string, text: Uint8Array) => number;
  /** The contract that this cell has reported. */
  readonly contract: Contract;
  /** The module has an `open` hook, which is awaited. */
  readonly opens: boolean;
  /** Called with further CPU time of the process (ms). */
  readonly cpuUsed: (milliseconds: number) => void;
  /** The cell has finished with a session whose client has disconnected. */
  readonly left: (seat: Seat) => void;
  /** The cell is no longer usable. Its process has been killed; its calls are answered next. */
  readonly ended: (cause: RestartCause, detail: string) => void;
}
