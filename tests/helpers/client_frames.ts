/** The client's side of RFC 6455 5.2, for tests: any frame, right or wrong, as the bytes a client would send. */
import { Opcode } from "../../lib/websocket/websocket.ts";

/** A frame to write; each field may be wrong. */
export interface ClientFrame {
  readonly opcode: number;
  /** Text is sent as UTF-8. Default: empty. */
  readonly payload?: Uint8Array | string;
  /** Default: true. */
  readonly fin?: boolean;
  /** RSV1 to RSV3 as a number from 0 to 7, RSV1 being 4. Default: 0. */
  readonly rsv?: number;
  /** Four bytes; null sends the frame unmasked. Default: 37 fa 21 3d, the key of RFC 6455 5.7. */
  readonly mask?: Uint8Array | null;
  /** Bits of the length field, to send longer ones than needed. Default: as few as the length fits. */
  readonly lengthEncoding?: 7 | 16 | 64;
  /** The length the header announces. Default: the payload's. */
  readonly announcedLength?: number | bigint;
}

/** The mask of the example in RFC 6455 5.7. */
export const EXAMPLE_MASK: Uint8Array = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

const encoder = new TextEncoder();

/** The bytes of one frame as a client sends it. */
export function frame(spec: ClientFrame): Uint8Array<ArrayBuffer> {
  const { opcode, fin = true, rsv = 0, mask = EXAMPLE_MASK, payload = "" } = spec;
  const data = typeof payload === "string" ? encoder.encode(payload) : payload;
  const length = BigInt(spec.announcedLength ?? data.length);
  const bits = spec.lengthEncoding ?? (length <= 125n ? 7 : length <= 0xffffn ? 16 : 64);
  const extended = bits === 7 ? 0 : bits / 8;
  const bytes = new Uint8Array(2 + extended + (mask === null ? 0 : 4) + data.length);
  bytes[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  bytes[1] = (mask === null ? 0 : 0x80) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  const view = new DataView(bytes.buffer);
  if (bits === 16) view.setUint16(2, Number(length));
  if (bits === 64) view.setBigUint64(2, length);
  if (mask !== null) bytes.set(mask, 2 + extended);
  const start = bytes.length - data.length;
  if (mask === null) bytes.set(data, start);
  else for (let index = 0; index < data.length; index++) bytes[start + index] = data[index]! ^ mask[index & 3]!;
  return bytes;
}

/** A close frame's payload: code, then reason. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Uint8Array<ArrayBuffer> {
  const text = typeof reason === "string" ? encoder.encode(reason) : reason;
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return payload;
}

/** A whole message in fragments of `size` bytes. */
export function fragments(opcode: number, payload: Uint8Array | string, size: number): Uint8Array<ArrayBuffer>[] {
  const data = typeof payload === "string" ? encoder.encode(payload) : payload;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at === 0 || at < data.length; at += size) {
    frames.push(frame({
      opcode: at === 0 ? opcode : Opcode.continuation,
      fin: at + size >= data.length,
      payload: data.subarray(at, at + size),
    }));
  }
  return frames;
}

/** The parts in one array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
