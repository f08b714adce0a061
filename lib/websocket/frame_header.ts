/** Parses and checks frame headers (RFC 6455 5.2). */
import { type Failure, protocolError } from "./failure.ts";
import type { DecoderLimits } from "./limits.ts";
import { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from "./opcodes.ts";

/** Maximum header size (RFC 6455 5.2): two bytes, eight of extended length, four of masking key. */
export const MAX_HEADER_BYTES = 14;

/** The message that a data frame may belong to. */
export interface MessageSoFar {
  /** Its opcode; 0 when there is none. */
  readonly opcode: number;
  readonly fragments: number;
  /** Payload bytes. */
  readonly size: number;
}

/**
 * A frame header (RFC 6455 5.2), checked while it is parsed. Its fields are valid once {@linkcode read} has returned a
 * size.
 */
export class FrameHeader {
  final = false;
  opcode = 0;
  /** Length of the payload in bytes. */
  length = 0;
  /** The masking key, its first byte in the lowest 8 bits. */
  mask = 0;

  /**
   * Parses the header at `bytes[at]`, of which `available` bytes are present. Errors are reported at the first byte
   * that shows them.
   *
   * @returns the size of the header; 0 when more bytes are needed
   */
  read(
    bytes: Uint8Array,
    at: number,
    available: number,
    message: MessageSoFar,
    limits: DecoderLimits,
  ): number | Failure {
    if (available < 2) return 0;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const length = second & 0x7f;

    // 5.2 RSV1-3: "MUST be 0 unless an extension is negotiated"; none ever is.
    if ((first & 0x70) !== 0) return protocolError("Reserved bits are set");
    // 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
    if (second < 0x80) return protocolError("Frame is not masked");
    // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
    if (opcode > Opcode.pong || (opcode > Opcode.binary && opcode < Opcode.close)) {
      return protocolError(`Unknown opcode ${opcode}`);
    }
    this.final = first >= 0x80;
    this.opcode = opcode;

    if (opcode >= Opcode.close) {
      // 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
      if (!this.final) return protocolError("Control frame is fragmented");
      if (length > MAX_CONTROL_PAYLOAD_BYTES) return protocolError("Control frame is longer than 125 bytes");
      return this.#finish(bytes, at, available, 2, length);
    }

    // 5.4: the fragments of a message are consecutive; all but the first are continuations.
    if (opcode === Opcode.continuation) {
      if (message.opcode === 0) return protocolError("Continuation without a message to continue");
      if (message.fragments >= limits.max_fragments) return tooManyFragments(limits);
    } else if (message.opcode !== 0) {
      return protocolError("New message within a fragmented one");
    }
    if (length <= 125) return this.#judgeSize(bytes, at, available, 2, length, message, limits);
    return this.#readLong(bytes, at, available, message, limits);
  }

  /** Parses the rest of a header whose length follows its first two bytes. */
  #readLong(
    bytes: Uint8Array,
    at: number,
    available: number,
    message: MessageSoFar,
    limits: DecoderLimits,
  ): number | Failure {
    if ((bytes[at + 1]! & 0x7f) === 126) {
      if (available < 4) return 0;
      const length16 = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      // 5.2: "the minimal number of bytes MUST be used to encode the length".
      if (length16 < 126) return protocolError("Length is not encoded minimally");
      return this.#judgeSize(bytes, at, available, 4, length16, message, limits);
    }

    if (available < 10) return 0;
    // 5.2: "the most significant bit MUST be 0".
    if (bytes[at + 2]! >= 0x80) return protocolError("Length has its top bit set");
    // Above 2^53 the value is inexact, but still over any limit.
    const length64 = uint32At(bytes, at + 2) * 0x1_0000_0000 + uint32At(bytes, at + 6);
    if (length64 <= 0xffff) return protocolError("Length is not encoded minimally");
    return this.#judgeSize(bytes, at, available, 10, length64, message, limits);
  }

  /** 10.4: limits on frame and message size. The comparison avoids sums that could overflow. */
  #judgeSize(
    bytes: Uint8Array,
    at: number,
    available: number,
    size: number,
    length: number,
    message: MessageSoFar,
    limits: DecoderLimits,
  ): number | Failure {
    if (length > limits.max_bytes - message.size) return tooBig(limits);
    return this.#finish(bytes, at, available, size, length);
  }

  /** Reads the masking key after `size` bytes. */
  #finish(bytes: Uint8Array, at: number, available: number, size: number, length: number): number {
    if (available < size + 4) return 0;
    this.length = length;
    const key = at + size;
    this.mask = bytes[key]! | (bytes[key + 1]! << 8) | (bytes[key + 2]! << 16) | (bytes[key + 3]! << 24);
    return size + 4;
  }
}

function tooManyFragments({ max_fragments }: DecoderLimits): Failure {
  const detail = `Message has more than ${max_fragments} fragments`;
  return { reason: "too_many_fragments", detail };
}

function tooBig({ max_bytes }: DecoderLimits): Failure {
  return { reason: "message_too_big", detail: `Message is longer than ${max_bytes} bytes` };
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
