/**
 * RFC 6455 for servers, without I/O: bytes in, events ({@linkcode Decoder}) and frames ({@linkcode FrameWriter},
 * `encode…`) out. Errors are {@linkcode Failure}s.
 *
 * A connection makes a decoder hold at most `max_bytes + DECODER_OVERHEAD_BYTES` bytes, whatever the peer sends.
 *
 * @module
 */
export { acceptKey, isHandshakeKey } from "./accept_key.ts";
export { CloseCode, isCloseCode } from "./close_codes.ts";
export { Decoder, DECODER_OVERHEAD_BYTES, type DecoderEvents, TINY_FRAGMENT_BYTES } from "./decoder.ts";
export type { Failure } from "./failure.ts";
export type { DecoderLimits } from "./limits.ts";
export { type ControlOpcode, encodeBinary, encodeClose, encodeControl, encodeText, SharedText } from "./encoder.ts";
export { FrameWriter } from "./frame_writer.ts";
export { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from "./opcodes.ts";
