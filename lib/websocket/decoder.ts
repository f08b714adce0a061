import { CloseCode, isCloseCode } from "./close_codes.ts";
import { MessageBuffer } from "./message_buffer.ts";
import { MAX_CONTROL_PAYLOAD, Opcode } from "./opcodes.ts";
import { turnMask, unmaskBytes, unmaskWords, type Words, wordsOf, WORDWISE_FROM } from "./unmask.ts";
import { decodeText, Utf8Judge } from "./utf8.ts";

/** What a decoder tells its owner, synchronously and in the order of the bytes. */
export interface DecoderEvents {
  /** A whole message, `bytes` long. A `Uint8Array` is a window on memory that is used again: valid only during the call. */
  message(data: string | Uint8Array, bytes: number): void;
  /** The payload is valid only during the call. */
  ping(payload: Uint8Array): void;
  /** The payload is valid only during the call. */
  pong(payload: Uint8Array): void;
  /** A non-final fragment of less than {@linkcode TINY_FRAGMENT} bytes: cheap to send, dear to receive. */
  fragment(bytes: number): void;
  /** The close frame; the last event. `code` is 1005 when the frame carries none. */
  close(code: number, reason: string): void;
  /** The peer broke the protocol or a limit; the last event. */
  fail(failure: Failure): void;
}

/** Why the connection must be failed, RFC 6455 7.1.7. */
export interface Failure {
  readonly code: 1002 | 1007 | 1008 | 1009;
  /** What our close frame says: `""`, `"message_too_big"` or `"too_many_fragments"`. */
  readonly reason: string;
  /** What the log says: never a byte of the payload. */
  readonly detail: string;
}

/** What one message may cost. */
export interface DecoderLimits {
  /** Payload bytes of one message, over all its fragments. Beyond it: 1009 `message_too_big`. */
  readonly max_bytes: number;
  /** Frames of one message, empty ones included. Beyond it: 1008 `too_many_fragments`. */
  readonly max_fragments: number;
}

/** Non-final fragments of fewer bytes than this are reported by {@linkcode DecoderEvents.fragment}. */
export const TINY_FRAGMENT = 128;

/** RFC 6455 5.2: two bytes, eight of extended length, four of masking key. */
const MAX_HEADER = 14;

/**
 * What a decoder may hold beyond `max_bytes`: one control frame cut in its payload, in the midst of a message. (The 14
 * bytes of a header cut in two are less, and never held at the same time.)
 */
export const DECODER_OVERHEAD = MAX_CONTROL_PAYLOAD;

/**
 * header: at a frame's start or in its header. data, control: in the payload of such a frame.
 * closed: the close frame has come. failed: the peer broke the rules.
 */
type State = "header" | "data" | "control" | "closed" | "failed";

/**
 * Server side of RFC 6455 sections 5, 7 and 8: bytes in, events out; no I/O, no timers, no exception whatever comes in.
 *
 * - Limits and rules are judged on a frame's header, before a byte of its payload is stored; UTF-8 as it comes in.
 * - After {@linkcode DecoderEvents.close} or {@linkcode DecoderEvents.fail} nothing is consumed and nothing emitted.
 * - A frame lying whole in one chunk is handled where it lies. Of anything else at most `max_bytes` +
 *   {@linkcode DECODER_OVERHEAD} bytes are held, whatever the peer sends; how storage grows: {@linkcode MessageBuffer}.
 * - Extensions are not negotiated, so RSV bits are always an error: compression next to secrets leaks them (CRIME,
 *   BREACH), and a small frame that inflates to a huge one is a bomb.
 *
 * Events may call {@linkcode suspend}, but not {@linkcode push}.
 */
export class Decoder {
  readonly #limits: DecoderLimits;
  readonly #events: DecoderEvents;
  #state: State = "header";
  #suspended = false;

  /** A header cut in two, until the rest comes. */
  #header: Uint8Array | null = null;
  #headerSize = 0;

  // The frame being read.
  #final = false;
  #opcode = 0;
  #mask = 0;
  #length = 0;
  #remaining = 0;

  // The message being read: its opcode, 0 when there is none, and its frames so far.
  #messageOpcode = 0;
  #fragments = 0;
  #ascii = true;
  readonly #message = new MessageBuffer();
  #utf8: Utf8Judge | null = null;

  /** The payload of a control frame cut in two. */
  #control: Uint8Array | null = null;

  constructor(limits: DecoderLimits, events: DecoderEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  /** Bytes of storage held: at most `max_bytes` + {@linkcode DECODER_OVERHEAD}. */
  get buffered(): number {
    return this.#message.capacity + this.#headerSize + (this.#control === null ? 0 : this.#control.length);
  }

  /** Makes {@linkcode push} return right after the event this is called from, and consume nothing until {@linkcode resume}. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
  }

  /**
   * Takes the next bytes from the peer and unmasks them in place.
   *
   * @returns bytes consumed: fewer than `chunk.length` only when suspended (offer the rest again after
   * {@linkcode resume}), closed or failed
   */
  push(chunk: Uint8Array): number {
    const end = chunk.length;
    let words: Words | null = null;
    let at = 0;
    while (!this.#suspended) {
      switch (this.#state) {
        case "header": {
          if (at === end) return at;
          if (this.#headerSize > 0) {
            at = this.#readCutHeader(chunk, at);
            break;
          }
          const size = this.#readHeader(chunk, at, end - at);
          if (size === 0) {
            this.#keepHeader(chunk, at);
            return end;
          }
          if (size < 0) return at;
          at += size;
          break;
        }
        case "data": {
          const count = Math.min(this.#remaining, end - at);
          if (count === 0 && this.#remaining > 0) return at;
          if (words === null && count >= WORDWISE_FROM) words = wordsOf(chunk);
          this.#readData(chunk, words, at, at + count);
          at += count;
          break;
        }
        case "control": {
          const count = Math.min(this.#remaining, end - at);
          if (count === 0 && this.#remaining > 0) return at;
          unmaskBytes(chunk, at, at + count, this.#mask);
          this.#readControl(chunk, at, at + count);
          at += count;
          break;
        }
        case "closed":
        case "failed":
          return at;
      }
    }
    return at;
  }

  /** Keeps the start of a header for the next chunk. */
  #keepHeader(chunk: Uint8Array, at: number): void {
    this.#header ??= new Uint8Array(MAX_HEADER);
    this.#header.set(chunk.subarray(at));
    this.#headerSize = chunk.length - at;
  }

  /** Goes on with a cut header, a byte at a time, so that it is refused at the same byte as an uncut one. */
  #readCutHeader(chunk: Uint8Array, at: number): number {
    const header = this.#header!;
    while (at < chunk.length) {
      header[this.#headerSize++] = chunk[at++]!;
      if (this.#readHeader(header, 0, this.#headerSize) !== 0) {
        this.#headerSize = 0;
        break;
      }
    }
    return at;
  }

  /**
   * RFC 6455 5.2, Base Framing Protocol.
   *
   * @returns the header's size; 0 when more bytes are needed; -1 when failed
   */
  #readHeader(bytes: Uint8Array, at: number, available: number): number {
    if (available < 2) return 0;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const final = first >= 0x80;
    const length7 = second & 0x7f;

    // 5.2 RSV1-3: "MUST be 0 unless an extension is negotiated"; none ever is.
    if ((first & 0x70) !== 0) return this.#protocolError("Reserved bits are set");
    // 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
    if (second < 0x80) return this.#protocolError("Frame is not masked");

    if (opcode >= 0x8) {
      // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
      if (opcode > Opcode.pong) return this.#protocolError(`Unknown opcode ${opcode}`);
      // 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
      if (!final) return this.#protocolError("Control frame is fragmented");
      if (length7 > MAX_CONTROL_PAYLOAD) return this.#protocolError("Control frame is longer than 125 bytes");
      if (available < 6) return 0;
      this.#startFrame("control", final, opcode, length7, maskAt(bytes, at + 2));
      return 6;
    }

    if (opcode > Opcode.binary) return this.#protocolError(`Unknown opcode ${opcode}`);
    // 5.4: fragments of one message follow each other, each but the first a continuation.
    if (opcode === Opcode.continuation) {
      if (this.#messageOpcode === 0) return this.#protocolError("Continuation without a message to continue");
      if (this.#fragments >= this.#limits.max_fragments) {
        return this.#fail(
          CloseCode.policyViolation,
          "too_many_fragments",
          `Message has more than ${this.#limits.max_fragments} fragments`,
        );
      }
    } else if (this.#messageOpcode !== 0) {
      return this.#protocolError("New message within a fragmented one");
    }

    let length = length7;
    let size = 2;
    if (length7 === 126) {
      if (available < 4) return 0;
      size = 4;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      // 5.2: "the minimal number of bytes MUST be used to encode the length".
      if (length < 126) return this.#protocolError("Length is not encoded minimally");
    } else if (length7 === 127) {
      if (available < 10) return 0;
      size = 10;
      // 5.2: "the most significant bit MUST be 0".
      if (bytes[at + 2]! >= 0x80) return this.#protocolError("Length has its top bit set");
      // Beyond 2^53 it is inexact, and still far over any limit.
      length = uint32At(bytes, at + 2) * 0x1_0000_0000 + uint32At(bytes, at + 6);
      if (length <= 0xffff) return this.#protocolError("Length is not encoded minimally");
    }
    // 10.4: limits on frame size and on the size of a reassembled message; written so that no sum can overflow.
    if (length > this.#limits.max_bytes - this.#message.size) {
      return this.#fail(
        CloseCode.messageTooBig,
        "message_too_big",
        `Message is longer than ${this.#limits.max_bytes} bytes`,
      );
    }
    if (available < size + 4) return 0;
    if (opcode !== Opcode.continuation) {
      this.#messageOpcode = opcode;
      this.#fragments = 0;
    }
    this.#fragments++;
    this.#startFrame("data", final, opcode, length, maskAt(bytes, at + size));
    return size + 4;
  }

  #startFrame(state: "data" | "control", final: boolean, opcode: number, length: number, mask: number): void {
    this.#state = state;
    this.#final = final;
    this.#opcode = opcode;
    this.#length = length;
    this.#remaining = length;
    this.#mask = mask;
  }

  /** Payload of a data frame: all of it or a piece. */
  #readData(chunk: Uint8Array, words: Words | null, start: number, end: number): void {
    const ascii = words !== null && end - start >= WORDWISE_FROM
      ? unmaskWords(chunk, words, start, end, this.#mask)
      : unmaskBytes(chunk, start, end, this.#mask);
    const whole = this.#final && this.#opcode !== Opcode.continuation && end - start === this.#length;
    if (whole) {
      this.#state = "header";
      if (this.#messageOpcode === Opcode.text) {
        const text = decodeText(chunk, start, end, ascii);
        if (text === null) return this.#invalidText();
        this.#endMessage();
        this.#events.message(text, end - start);
      } else {
        this.#endMessage();
        this.#events.message(chunk.subarray(start, end), end - start);
      }
      return;
    }

    // 8.1: text that isn't UTF-8 fails the connection; here at the first wrong byte.
    if (this.#messageOpcode === Opcode.text && !this.#judge(chunk, start, end, ascii)) return this.#invalidText();
    const limit = this.#final ? this.#message.size + this.#remaining : this.#limits.max_bytes;
    this.#message.append(chunk, start, end, limit);
    this.#mask = turnMask(this.#mask, end - start);
    this.#remaining -= end - start;
    if (this.#remaining > 0) return;

    this.#state = "header";
    if (this.#final) this.#deliver();
    else if (this.#length < TINY_FRAGMENT) this.#events.fragment(this.#length);
  }

  /** A message that came in pieces is whole. */
  #deliver(): void {
    if (this.#messageOpcode === Opcode.binary) {
      const data = this.#message.take();
      this.#endMessage();
      return this.#events.message(data, data.length);
    }
    const data = this.#message.take();
    // Each piece was fine; the last character may be half told.
    const text = decodeText(data, 0, data.length, this.#ascii);
    if (text === null) return this.#invalidText();
    this.#endMessage();
    this.#events.message(text, data.length);
  }

  #endMessage(): void {
    this.#messageOpcode = 0;
    this.#ascii = true;
  }

  #judge(chunk: Uint8Array, start: number, end: number, ascii: boolean): boolean {
    if (ascii && (this.#utf8 === null || this.#utf8.complete)) return true;
    this.#ascii = false;
    this.#utf8 ??= new Utf8Judge();
    return this.#utf8.push(chunk, start, end);
  }

  /** Payload of a control frame, unmasked: all of it or a piece. */
  #readControl(chunk: Uint8Array, start: number, end: number): void {
    const count = end - start;
    let payload: Uint8Array;
    if (count === this.#length) {
      payload = chunk.subarray(start, end);
    } else {
      this.#control ??= new Uint8Array(this.#length);
      this.#control.set(chunk.subarray(start, end), this.#length - this.#remaining);
      this.#mask = turnMask(this.#mask, count);
      this.#remaining -= count;
      if (this.#remaining > 0) return;
      payload = this.#control;
      this.#control = null;
    }
    this.#state = "header";
    if (this.#opcode === Opcode.ping) this.#events.ping(payload);
    else if (this.#opcode === Opcode.pong) this.#events.pong(payload);
    else this.#readClose(payload);
  }

  /** RFC 6455 5.5.1 and 7.4: a close frame is empty, or a code of two bytes and a reason in UTF-8. */
  #readClose(payload: Uint8Array): void {
    if (payload.length === 0) return this.#closed(CloseCode.noStatus, "");
    if (payload.length === 1) return void this.#protocolError("Close frame has half a code");
    const code = (payload[0]! << 8) | payload[1]!;
    if (!isCloseCode(code)) return void this.#protocolError(`Close code ${code} is not allowed in a close frame`);
    const reason = decodeText(payload, 2, payload.length, false);
    if (reason === null) return void this.#fail(CloseCode.invalidPayload, "", "Close reason is not UTF-8");
    this.#closed(code, reason);
  }

  #closed(code: number, reason: string): void {
    this.#end("closed");
    this.#events.close(code, reason);
  }

  #invalidText(): void {
    this.#fail(CloseCode.invalidPayload, "", "Text is not UTF-8");
  }

  #protocolError(detail: string): -1 {
    return this.#fail(CloseCode.protocolError, "", detail);
  }

  #fail(code: Failure["code"], reason: string, detail: string): -1 {
    this.#end("failed");
    this.#events.fail({ code, reason, detail });
    return -1;
  }

  /** Nothing is held for a peer that has nothing more to say. */
  #end(state: "closed" | "failed"): void {
    this.#state = state;
    this.#message.clear();
    this.#header = null;
    this.#headerSize = 0;
    this.#control = null;
  }
}

function maskAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
