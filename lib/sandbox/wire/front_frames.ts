/**
 * Frames from the front to its supervisor (file descriptor 3). They have a fixed size, so that nothing has to be
 * parsed.
 */

/** Kinds of frame. */
export enum FrontKind {
  /** A regular sign of life with figures for the service manager. */
  Alive = 1,
  /** The front listens. */
  Ready = 2,
  /** A reload has ended, successful or not. */
  Reloaded = 3,
  /** Start a cell. */
  Start = 4,
  /** Kill a cell. */
  Kill = 5,
}

/** The state of the front. */
export enum FrontState {
  Starting = 0,
  Serving = 1,
  Overloaded = 2,
  Draining = 3,
}

/** Figures of a front, for the service manager. */
export interface FrontFigures {
  readonly state: FrontState;
  readonly connections: number;
  readonly maxConnections: number;
  /** Whether the cells of every module respond. */
  readonly responsive: boolean;
}

export type FrontFrame =
  | { readonly kind: FrontKind.Alive } & FrontFigures
  | { readonly kind: FrontKind.Ready | FrontKind.Reloaded }
  /** `module` is an index in the configuration's `handlers`; `request` numbers count up from 1. */
  | { readonly kind: FrontKind.Start; readonly module: number; readonly request: number }
  | { readonly kind: FrontKind.Kill; readonly request: number };

/** Size of a frame in bytes: kind and four operands, each a u32, little-endian. Unused operands are zero. */
export const FRONT_FRAME_BYTES = 20;

/** Milliseconds between two signs of life of a front. */
export const ALIVE_INTERVAL_MS = 500;

/** Encodes one frame. */
export function encodeFrontFrame(frame: FrontFrame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRONT_FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  [frame.kind, ...operands(frame)].forEach((value, index) => view.setUint32(4 * index, value, true));
  return bytes;
}

function operands(frame: FrontFrame): number[] {
  switch (frame.kind) {
    case FrontKind.Alive:
      return [frame.state, frame.connections, frame.maxConnections, frame.responsive ? 1 : 0];
    case FrontKind.Start:
      return [frame.module, frame.request];
    case FrontKind.Kill:
      return [frame.request];
    default:
      return [];
  }
}

/** Decodes one frame; null when the bytes are invalid. */
export function decodeFrontFrame(bytes: Uint8Array): FrontFrame | null {
  if (bytes.length !== FRONT_FRAME_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [kind, a, b, c, d] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [
    FrontKind,
    number,
    number,
    number,
    number,
  ];
  switch (kind) {
    case FrontKind.Alive:
      if (a > FrontState.Draining || d > 1) return null;
      return { kind, state: a, connections: b, maxConnections: c, responsive: d === 1 };
    case FrontKind.Ready:
    case FrontKind.Reloaded:
      return (a | b | c | d) === 0 ? { kind } : null;
    case FrontKind.Start:
      return (c | d) === 0 && b > 0 ? { kind, module: a, request: b } : null;
    case FrontKind.Kill:
      return (b | c | d) === 0 && a > 0 ? { kind, request: a } : null;
    default:
      return null;
  }
}
