import { CloseCode } from "./close_codes.ts";

/** Why the connection must be failed, RFC 6455 7.1.7. */
export interface Failure {
  readonly code: 1002 | 1007 | 1008 | 1009;
  /** What our close frame says: `""`, `"message_too_big"` or `"too_many_fragments"`. */
  readonly reason: string;
  /** What the log says: never a byte of the payload. */
  readonly detail: string;
}

export function protocolError(detail: string): Failure {
  return { code: CloseCode.protocolError, reason: "", detail };
}

export function invalidText(detail: string): Failure {
  return { code: CloseCode.invalidPayload, reason: "", detail };
}
