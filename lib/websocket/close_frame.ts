/** Parses close frames. */
import { CloseCode, isCloseCode } from "./close_codes.ts";
import { type Failure, invalidText, protocolError } from "./failure.ts";
import { decodeText } from "./utf8.ts";

export interface CloseFrame {
  /** 1005 when the frame carries none. */
  readonly code: number;
  readonly reason: string;
}

/**
 * Parses the payload of a close frame (RFC 6455 5.5.1 and 7.4): empty, or a code of two bytes and a reason in UTF-8.
 */
export function readClose(payload: Uint8Array): CloseFrame | Failure {
  if (payload.length === 0) return { code: CloseCode.noStatus, reason: "" };
  if (payload.length === 1) return protocolError("Close frame has half a code");
  const code = (payload[0]! << 8) | payload[1]!;
  if (!isCloseCode(code)) return protocolError(`Close code ${code} is not allowed in a close frame`);
  const reason = decodeText(payload, 2, payload.length, false);
  if (reason === null) return invalidText("Close reason is not UTF-8");
  return { code, reason };
}
