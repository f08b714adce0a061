/** Limits of one message. */
export interface DecoderLimits {
  /** Payload bytes of a message over all fragments. Above: 1009 `message_too_big`. */
  readonly max_bytes: number;
  /** Frames of a message, empty ones included. Above: 1008 `too_many_fragments`. */
  readonly max_fragments: number;
}
