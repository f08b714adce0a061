/**
 * The decoder of client frames (RFC 6455).
 *
 * Way of a message: bytes come in, whole messages go out as {@linkcode DecoderEvents}. Refuses what RFC 6455 or a
 * limit forbids: 1002, 1007, 1008, 1009.
 */
import { readClose } from "./close_frame.ts";
import { type Failure, invalidText } from "./failure.ts";
import { FrameHeader, MAX_HEADER_BYTES } from "./frame_header.ts";
import type { DecoderLimits } from "./limits.ts";
import { Message } from "./message.ts";
import { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from "./opcodes.ts";
import { MIN_WORDWISE_BYTES, turnMask, unmaskBytes, unmaskWords, type Words, wordsOf } from "./unmask.ts";
import { decodeText } from "./utf8.ts";

/** Events of a decoder, called synchronously in the order of the bytes. */
export interface DecoderEvents {
  /**
   * A whole message of `bytes` bytes. For a text in one frame, `utf8` is the payload. A `Uint8Array` is a view of
   * reused memory, valid only during the call.
   */
  message(data: string | Uint8Array, bytes: number, utf8?: Uint8Array): void;
  /** The payload is valid only during the call. */
  ping(payload: Uint8Array): void;
  /** The payload is valid only during the call. */
  pong(payload: Uint8Array): void;
  /**
   * A non-final fragment of less than {@linkcode TINY_FRAGMENT_BYTES} bytes, which costs the receiver more than the sender.
   */
  fragment(bytes: number): void;
  /** The close frame; the last event. `code` is 1005 when the frame carries none. */
  close(code: number, reason: string): void;
  /** The peer broke the protocol or a limit; the last event. */
  fail(failure: Failure): void;
}

/** Non-final fragments of fewer bytes than this are reported by {@linkcode DecoderEvents.fragment}. */
export const TINY_FRAGMENT_BYTES = 128;

/**
 * Storage of a decoder above `max_bytes`: the payload of one incomplete control frame in the middle of a message. (The
 * 14 bytes of an incomplete header are less, and never held at the same time.)
 */
export const DECODER_OVERHEAD_BYTES = MAX_CONTROL_PAYLOAD_BYTES;

/**
 * header: at the start of a frame or in its header. data, control: in the payload of such a frame. closed: after the
 * close frame. failed: after a protocol error.
 */
type DecoderState = "header" | "data" | "control" | "closed" | "failed";

/**
 * The server side of RFC 6455 sections 5, 7 and 8: bytes in, events out; no I/O, no timers, no exceptions for any
 * input.
 *
 * - Limits and rules are checked on the header of a frame, before a byte of its payload is stored. UTF-8 is checked as
 *   it arrives.
 * - After {@linkcode DecoderEvents.close} or {@linkcode DecoderEvents.fail} nothing is consumed and nothing emitted.
 * - A frame that is whole in one chunk is processed in place. Otherwise at most `max_bytes` + {@linkcode
 *   DECODER_OVERHEAD_BYTES} bytes are stored, whatever the peer sends; {@linkcode Message} describes the growth.
 * - Extensions are not negotiated, so RSV bits are always an error. Compression next to secrets leaks them (CRIME,
 *   BREACH), and a small frame could inflate to a huge one.
 *
 * Events may call {@linkcode suspend}, but not {@linkcode push}.
 */
export class Decoder {
  readonly #limits: DecoderLimits;
  readonly #events: DecoderEvents;
  #state: DecoderState = "header";
  #suspended = false;

  /** The current frame, and the number of its payload bytes still missing. */
  readonly #header = new FrameHeader();
  #remaining = 0;
  readonly #message = new Message();

  /** An incomplete header. */
  #cutHeader: Uint8Array | null = null;
  #cutHeaderSize = 0;

  /** An incomplete payload of a control frame. */
  #cutControl: Uint8Array | null = null;

  constructor(limits: DecoderLimits, events: DecoderEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  /** Bytes of storage held: at most `max_bytes` + {@linkcode DECODER_OVERHEAD_BYTES}. */
  get buffered(): number {
    return this.#message.capacity + this.#cutHeaderSize + (this.#cutControl === null ? 0 : this.#cutControl.length);
  }

  /** Makes {@linkcode push} return after the current event, and consume nothing until {@linkcode resume}. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
  }

  /**
   * Processes the next bytes from the peer and unmasks them in place.
   *
   * @returns bytes consumed: fewer than `chunk.length` only when suspended (pass the rest again after {@linkcode
   * resume}), closed or failed
   */
  push(chunk: Uint8Array): number {
    const end = chunk.length;
    let words: Words | null = null;
    let at = 0;
    while (!this.#suspended) {
      switch (this.#state) {
        case "header": {
          if (at === end) return at;
          if (this.#cutHeaderSize > 0) {
            at = this.#readCutHeader(chunk, at);
            break;
          }
          const size = this.#readHeader(chunk, at, end - at);
          if (size === 0 && this.#state === "header") {
            this.#keepHeader(chunk, at);
            return end;
          }
          at += size;
          break;
        }
        case "data": {
          const count = Math.min(this.#remaining, end - at);
          if (count === 0 && this.#remaining > 0) return at;
          if (words === null && count >= MIN_WORDWISE_BYTES) words = wordsOf(chunk);
          this.#readData(chunk, words, at, at + count);
          at += count;
          break;
        }
        case "control": {
          const count = Math.min(this.#remaining, end - at);
          if (count === 0 && this.#remaining > 0) return at;
          unmaskBytes(chunk, at, at + count, this.#header.mask);
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
    this.#cutHeader ??= new Uint8Array(MAX_HEADER_BYTES);
    this.#cutHeader.set(chunk.subarray(at));
    this.#cutHeaderSize = chunk.length - at;
  }

  /** Continues an incomplete header byte by byte, so that it is refused at the same byte as a complete one. */
  #readCutHeader(chunk: Uint8Array, at: number): number {
    const header = this.#cutHeader!;
    while (at < chunk.length && this.#state === "header") {
      header[this.#cutHeaderSize++] = chunk[at++]!;
      this.#readHeader(header, 0, this.#cutHeaderSize);
    }
    if (this.#state !== "header") this.#cutHeaderSize = 0;
    return at;
  }

  /** @returns the size of the header; 0 when failed or when more bytes are needed; the state tells which */
  #readHeader(bytes: Uint8Array, at: number, available: number): number {
    const header = this.#header;
    const size = header.read(bytes, at, available, this.#message, this.#limits);
    if (typeof size !== "number") {
      this.#fail(size);
      return 0;
    }
    if (size === 0) return 0;
    this.#remaining = header.length;
    if (header.opcode >= Opcode.close) {
      this.#state = "control";
    } else {
      this.#state = "data";
      if (header.opcode !== Opcode.continuation) this.#message.opcode = header.opcode;
      this.#message.fragments++;
    }
    return size;
  }

  /** Processes payload of a data frame: all or a part. */
  #readData(chunk: Uint8Array, words: Words | null, start: number, end: number): void {
    const header = this.#header;
    const count = end - start;
    const ascii = words !== null && count >= MIN_WORDWISE_BYTES
      ? unmaskWords(chunk, words, start, end, header.mask)
      : unmaskBytes(chunk, start, end, header.mask);

    if (header.final && header.opcode !== Opcode.continuation && count === header.length) {
      this.#message.clear();
      const payload = chunk.subarray(start, end);
      if (header.opcode !== Opcode.text) return this.#deliver(payload, count);
      return this.#deliver(decodeText(chunk, start, end, ascii), count, payload);
    }

    const message = this.#message;
    const limit = header.final ? message.size + this.#remaining : this.#limits.max_bytes;
    if (!message.append(chunk, start, end, ascii, limit)) return this.#fail(invalidText("Text is not UTF-8"));
    header.mask = turnMask(header.mask, count);
    this.#remaining -= count;
    if (this.#remaining > 0) return;

    if (header.final) {
      const size = message.size;
      return this.#deliver(message.take(), size);
    }
    this.#state = "header";
    if (header.length < TINY_FRAGMENT_BYTES) this.#events.fragment(header.length);
  }

  #deliver(data: string | Uint8Array | null, bytes: number, utf8?: Uint8Array): void {
    if (data === null) return this.#fail(invalidText("Text is not UTF-8"));
    this.#state = "header";
    this.#events.message(data, bytes, utf8);
  }

  /** Processes payload of a control frame: all or a part. */
  #readControl(chunk: Uint8Array, start: number, end: number): void {
    const { opcode, length } = this.#header;
    const count = end - start;
    let payload = chunk.subarray(start, end);
    if (count < length) {
      this.#cutControl ??= new Uint8Array(length);
      this.#cutControl.set(payload, length - this.#remaining);
      this.#header.mask = turnMask(this.#header.mask, count);
      this.#remaining -= count;
      if (this.#remaining > 0) return;
      payload = this.#cutControl;
      this.#cutControl = null;
    }
    this.#state = "header";
    if (opcode === Opcode.ping) this.#events.ping(payload);
    else if (opcode === Opcode.pong) this.#events.pong(payload);
    else this.#readClose(payload);
  }

  #readClose(payload: Uint8Array): void {
    const close = readClose(payload);
    if ("detail" in close) return this.#fail(close);
    this.#end("closed");
    this.#events.close(close.code, close.reason);
  }

  #fail(failure: Failure): void {
    this.#end("failed");
    this.#events.fail(failure);
  }

  /** Ends the decoder and releases its storage. */
  #end(state: "closed" | "failed"): void {
    this.#state = state;
    this.#message.clear();
    this.#cutHeader = null;
    this.#cutHeaderSize = 0;
    this.#cutControl = null;
  }
}
