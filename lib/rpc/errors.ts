/** The errors of JSON-RPC 2.0 by their code. */
import { DECLARED_ERROR, type ErrorOutcome, ERRORS } from "../gate/outcomes.ts";

export { ErrorCode } from "../gate/outcomes.ts";

const BY_CODE: ReadonlyMap<number, ErrorOutcome> = new Map(ERRORS.map((error) => [error.code, error]));

/** Whether `code` counts towards `messages.max_invalid`, or means that the handler did not run or finish. */
export function errorMeans(code: number): "invalid" | "lost" | undefined {
  return BY_CODE.get(code)?.means;
}

/** The message of `code`. */
export function errorMessage(code: number): string {
  return BY_CODE.get(code)?.message ?? "Server error";
}

/** The name of `code` in log and metrics. */
export function errorReason(code: number): string {
  return BY_CODE.get(code)?.reason ?? DECLARED_ERROR;
}

/** Whether JSON-RPC 2.0 section 5.1 reserves `code`. */
export function isReserved(code: number): boolean {
  return code >= -32768 && code <= -32000;
}
