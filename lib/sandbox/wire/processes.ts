/**
 * The processes of cells as the host sees them. The host never starts or kills a process itself. It asks the
 * supervisor, which implements `CellStarter` (directly for `check` and `contract`, over a channel for the front).
 */

/** Why a cell's process ended. `killed` follows `CellProcess.kill`. */
export type EndCause = "crash" | "out_of_memory" | "timeout" | "killed";

/** How a cell's process ended. `detail` is plain text for the log, without control characters, at most 1,000 characters. */
export interface ProcessEnd {
  readonly cause: EndCause;
  readonly detail: string;
}

/** Resource usage of a cell's process. */
export interface Vitals {
  /** Resident memory above that before the module was loaded, in bytes. */
  readonly memory: number;
  /** CPU time of all threads since the start of the process, in milliseconds. */
  readonly cpuMs: number;
}

/** Events of a cell's process. `ended` comes exactly once, last, even if the process could not be started. */
export interface CellProcessEvents {
  /**
   * The process runs. A connection to `CellStarter.socketPath` that presents `secret` (64 hexadecimal digits) belongs
   * to it.
   */
  started(secret: string, pid: number): void;
  /** Output of the process on standard output or error. Output above a bounded rate is dropped. */
  output(text: Uint8Array): void;
  /** About once a second. */
  vitals(vitals: Vitals): void;
  ended(end: ProcessEnd): void;
}

/** A cell's process. */
export interface CellProcess {
  /** Kills the process by SIGKILL. `ended` follows with cause `killed`, unless the process has already ended. */
  kill(): void;
}

/** Starts cells. */
export interface CellStarter {
  /** Path of the unix socket on which the host listens for cells. Its folder exists, with mode 0700. */
  readonly socketPath: string;
  /**
   * Starts a cell for the module with index `module` in the configuration's `handlers`. Rate and number of starts are
   * bounded.
   */
  start(module: number, events: CellProcessEvents): CellProcess;
}

/**
 * The orders that a cell reads first from its standard input, as one line of JSON. The pipe then stays open: its end
 * ends the cell.
 */
export interface CellOrders {
  readonly secret: string;
  readonly socketPath: string;
  /** `file:` URL of the module. */
  readonly url: string;
  /** Absolute real path of the module's folder. */
  readonly folder: string;
  /** Memory limit of the module in bytes, `HandlerSettings.memory`. */
  readonly memory: number;
  /** The module's own permissions, `HandlerSettings.permissions`, paths absolute. */
  readonly permissions: Readonly<Record<string, readonly string[]>>;
}

/** Kinds of frame that a cell writes to its supervisor (file descriptor 3). */
export enum VitalsKind {
  /** A regular sign of life. */
  Alive = 1,
  /** The module exceeds its memory; the process ends itself by SIGKILL right after. */
  OutOfMemory = 2,
}

/** Size of a frame in bytes: kind (u32), zero (u32), memory (f64), CPU milliseconds (f64), little-endian. */
export const VITALS_FRAME_BYTES = 24;

/** Milliseconds between two signs of life of a cell. */
export const VITALS_INTERVAL_MS = 500;

/** Encodes one frame. */
export function encodeVitals(kind: VitalsKind, { memory, cpuMs }: Vitals): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(VITALS_FRAME_BYTES);
  const view = new DataView(frame.buffer);
  view.setUint32(0, kind, true);
  view.setFloat64(8, memory, true);
  view.setFloat64(16, cpuMs, true);
  return frame;
}

/** Decodes the frame at the start of `bytes`; null when it is invalid. */
export function decodeVitals(bytes: Uint8Array): (Vitals & { readonly kind: VitalsKind }) | null {
  if (bytes.length < VITALS_FRAME_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, VITALS_FRAME_BYTES);
  const kind = view.getUint32(0, true);
  const memory = view.getFloat64(8, true);
  const cpuMs = view.getFloat64(16, true);
  const known = kind >= VitalsKind.Alive && kind <= VitalsKind.OutOfMemory && view.getUint32(4, true) === 0;
  return known && memory >= 0 && Number.isFinite(memory) && cpuMs >= 0 && Number.isFinite(cpuMs)
    ? { kind, memory, cpuMs }
    : null;
}
