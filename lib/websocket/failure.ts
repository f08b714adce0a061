/** Protocol failures with their close codes. */
import { CloseCode } from "./close_codes.ts";

/** The reason to fail the connection (RFC 6455 7.1.7). */
export interface Failure {
  readonly code: 1002 | 1007 | 1008 | 1009;
  /** The reason of the close frame: `""`, `"message_too_big"` or `"too_many_fragments"`. */
  readonly reason: string;
  /** Text for the log, without payload bytes. */
  readonly detail: string;
}

export function protocolError(detail: string): Failure {
  return { code: CloseCode.protocolError, reason: "", detail };
}

export function invalidText(detail: string): Failure {
  return { code: CloseCode.invalidPayload, reason: "", detail };
}
