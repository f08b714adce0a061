/** Messages from the supervisor to the front's standard input: kind, request number and payload. */

/** Kinds of message. */
export enum SupervisorKind {
  /** The first message: the orders of the front ({@linkcode FrontOrders} as JSON). */
  Begin = 1,
  /** Read the configuration again. */
  Reload = 2,
  /** Drain and end. */
  Stop = 3,
  /** The cell's process runs: process id (u32), secret (64 ASCII characters). */
  Started = 4,
  /** Bytes of the cell's standard output or error. */
  Output = 5,
  /** Memory in bytes and CPU time in milliseconds (f64 each). */
  Vitals = 6,
  /** The cell's process has ended ({@linkcode ProcessEnd} as JSON). */
  Ended = 7,
}

/** A message; `request` is 0 if it concerns no cell. */
export interface SupervisorMessage {
  readonly kind: SupervisorKind;
  readonly request: number;
  readonly payload: Uint8Array;
}

/** The place of a front among the fronts of the service. */
export interface FrontPlace {
  /** From 0. */
  readonly number: number;
  /** Paths of the unix sockets on which the fronts answer each other, by their number. */
  readonly sockets: readonly string[];
  /** The secret with which they authenticate each other. */
  readonly secret: string;
}

/** The first orders of a front. */
export interface FrontOrders {
  /** Absent where there is one front. */
  readonly front?: FrontPlace;
  /** Path of the unix socket for cells. Its folder is removed with the supervisor. */
  readonly socketPath: string;
  /** Name and text of the configuration; absent in development. */
  readonly configPath?: string;
  readonly configText?: string;
  /** The port of `serve --dev`. */
  readonly port?: number;
  readonly limits: { readonly openFiles: number | null; readonly memoryBytes: number | null };
}

const HEADER_BYTES = 12;
/** Maximum size of a payload. */
export const MAX_PAYLOAD_BYTES = 4 * 2 ** 20;

/** Encodes one message: kind, request and payload length (u32 each, little-endian), payload. */
export function encodeSupervisorMessage({ kind, request, payload }: SupervisorMessage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, request, true);
  view.setUint32(8, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Reads messages from a stream. */
export class SupervisorReader {
  #held = new Uint8Array(0);

  /**
   * The messages that `bytes` completes.
   *
   * @throws {RangeError} at an invalid message
   */
  *read(bytes: Uint8Array): Generator<SupervisorMessage> {
    const held = new Uint8Array(this.#held.length + bytes.length);
    held.set(this.#held);
    held.set(bytes, this.#held.length);
    const view = new DataView(held.buffer);
    let at = 0;
    while (held.length - at >= HEADER_BYTES) {
      const kind: SupervisorKind = view.getUint32(at, true);
      const length = view.getUint32(at + 8, true);
      if (SupervisorKind[kind] === undefined || length > MAX_PAYLOAD_BYTES) throw new RangeError("not a message");
      const end = at + HEADER_BYTES + length;
      if (end > held.length) break;
      yield { kind, request: view.getUint32(at + 4, true), payload: held.slice(at + HEADER_BYTES, end) };
      at = end;
    }
    this.#held = held.slice(at);
  }
}

/** Payload of {@linkcode SupervisorKind.Started}. */
export function encodeStarted(secret: string, pid: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4 + secret.length);
  new DataView(payload.buffer).setUint32(0, pid, true);
  new TextEncoder().encodeInto(secret, payload.subarray(4));
  return payload;
}

/** @throws {RangeError} if the payload is too short */
export function decodeStarted(payload: Uint8Array): { secret: string; pid: number } {
  const pid = new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0, true);
  return { pid, secret: new TextDecoder().decode(payload.subarray(4)) };
}
