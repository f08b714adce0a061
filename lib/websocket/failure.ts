/** Protocol failures. */

/** The reason to fail the connection (RFC 6455 7.1.7). */
export interface Failure {
  readonly reason: "protocol_error" | "invalid_utf8" | "message_too_big" | "too_many_fragments";
  /** Text for the log, without payload bytes. */
  readonly detail: string;
}

export function protocolError(detail: string): Failure {
  return { reason: "protocol_error", detail };
}

export function invalidText(detail: string): Failure {
  return { reason: "invalid_utf8", detail };
}
