/** Encodes server frames (RFC 6455 5.2). */
import { Buffer } from "node:buffer";
import { CloseCode } from "./close_codes.ts";
import { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from "./opcodes.ts";

/** A control frame's opcode, RFC 6455 5.5. */
export type ControlOpcode = typeof Opcode.close | typeof Opcode.ping | typeof Opcode.pong;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Size of a server's frame header for `length` bytes of payload. */
export function headerSize(length: number): number {
  return length <= 125 ? 2 : length <= 0xffff ? 4 : 10;
}

/**
 * Writes the header of a whole, unmasked frame (RFC 6455 5.1: "A server MUST NOT mask any frames") with the shortest
 * length encoding (5.2).
 *
 * @returns where the payload starts
 */
export function writeHeader(into: Uint8Array, at: number, opcode: number, length: number): number {
  into[at] = 0x80 | opcode;
  if (length <= 125) {
    into[at + 1] = length;
    return at + 2;
  }
  if (length <= 0xffff) {
    into[at + 1] = 126;
    into[at + 2] = length >>> 8;
    into[at + 3] = length;
    return at + 4;
  }
  into[at + 1] = 127;
  const high = Math.floor(length / 0x1_0000_0000);
  for (let index = 0; index < 4; index++) {
    into[at + 2 + index] = high >>> (24 - 8 * index);
    into[at + 6 + index] = length >>> (24 - 8 * index);
  }
  return at + 10;
}

function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(headerSize(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, opcode, payload.length));
  return frame;
}

/** Encodes a text frame. Lone surrogates, which UTF-8 can't represent, become U+FFFD. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  const length = Buffer.byteLength(text);
  const frame = new Uint8Array(headerSize(length) + length);
  utf8Encoder.encodeInto(text, frame.subarray(writeHeader(frame, 0, Opcode.text, length)));
  return frame;
}

/** Encodes a binary frame. */
export function encodeBinary(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.binary, data);
}

/**
 * Encodes a control frame.
 *
 * @throws {RangeError} if the payload is longer than 125 bytes (RFC 6455 5.5)
 */
export function encodeControl(opcode: ControlOpcode, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > MAX_CONTROL_PAYLOAD_BYTES) {
    throw new RangeError(`Cannot send a control frame of ${payload.length} bytes: 125 are allowed`);
  }
  return encodeFrame(opcode, payload);
}

/**
 * Encodes a close frame. Codes that are never sent (1005, 1006) give an empty one. A reason is cut after the last
 * character that fits (RFC 6455 5.5.1: code and reason share 125 bytes).
 */
export function encodeClose(code: number, reason: string): Uint8Array<ArrayBuffer> {
  if (code === CloseCode.noStatus || code === CloseCode.abnormal) return encodeFrame(Opcode.close, new Uint8Array(0));
  const payload = new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
  payload[0] = code >>> 8;
  payload[1] = code;
  const { written } = utf8Encoder.encodeInto(reason, payload.subarray(2));
  return encodeFrame(Opcode.close, payload.subarray(0, 2 + written));
}

/** A text for many sockets, encoded once, at the first send. */
export class SharedText {
  readonly #source: string | Uint8Array;
  #text: string | null = null;
  #frame: Uint8Array<ArrayBuffer> | null = null;

  /** `source` is the text, or its UTF-8, which is owned by this object from now on. */
  constructor(source: string | Uint8Array) {
    this.#source = source;
  }

  /** The text as a string. */
  get text(): string {
    if (typeof this.#source === "string") return this.#source;
    return this.#text ??= utf8Decoder.decode(this.#source);
  }

  /** Size of the source: bytes, or UTF-16 units of a string. */
  get size(): number {
    return this.#source.length;
  }

  /** The whole frame. It is shared and must not be modified. */
  get frame(): Uint8Array<ArrayBuffer> {
    const source = this.#source;
    return this.#frame ??= typeof source === "string" ? encodeText(source) : encodeFrame(Opcode.text, source);
  }
}
