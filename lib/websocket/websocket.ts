/**
 * RFC 6455 for a server and nothing else: what comes in are bytes, what goes out are events ({@linkcode Decoder}) and
 * frames ({@linkcode FrameWriter}, `encode…`). What can go wrong is a {@linkcode Failure} with its close code.
 *
 * What one connection can make a decoder hold: `max_bytes + DECODER_OVERHEAD` bytes, whatever the peer sends.
 *
 * @module
 */
export { acceptKey, isHandshakeKey } from "./accept_key.ts";
export { CloseCode, isCloseCode } from "./close_codes.ts";
export { Decoder, DECODER_OVERHEAD, type DecoderEvents, TINY_FRAGMENT } from "./decoder.ts";
export type { Failure } from "./failure.ts";
export type { DecoderLimits } from "./limits.ts";
export { type ControlOpcode, encodeBinary, encodeClose, encodeControl, encodeText, SharedText } from "./encoder.ts";
export { FrameWriter } from "./frame_writer.ts";
export { MAX_CONTROL_PAYLOAD, Opcode } from "./opcodes.ts";
