/** What one message may cost. */
export interface DecoderLimits {
  /** Payload bytes of one message, over all its fragments. Beyond it: 1009 `message_too_big`. */
  readonly max_bytes: number;
  /** Frames of one message, empty ones included. Beyond it: 1008 `too_many_fragments`. */
  readonly max_fragments: number;
}
