/** Error codes of JSON-RPC 2.0 section 5.1, and the server's own in the range it reserves for implementations. */
export const ErrorCode = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
  RATE_LIMITED: -32001,
  FORBIDDEN: -32003,
  OVERLOADED: -32004,
  TIMEOUT: -32005,
} as const;

/** The message of each code for the client, and its name in log and metrics. */
const ERRORS: ReadonlyMap<number, { readonly message: string; readonly reason: string }> = new Map([
  [ErrorCode.PARSE_ERROR, { message: "Parse error", reason: "parse_error" }],
  [ErrorCode.INVALID_REQUEST, { message: "Invalid Request", reason: "invalid_request" }],
  [ErrorCode.METHOD_NOT_FOUND, { message: "Method not found", reason: "method_not_found" }],
  [ErrorCode.INVALID_PARAMS, { message: "Invalid params", reason: "invalid_params" }],
  [ErrorCode.INTERNAL_ERROR, { message: "Internal error", reason: "internal" }],
  [ErrorCode.RATE_LIMITED, { message: "Rate limited", reason: "rate_limited" }],
  [ErrorCode.FORBIDDEN, { message: "Forbidden", reason: "forbidden" }],
  [ErrorCode.OVERLOADED, { message: "Overloaded", reason: "overloaded" }],
  [ErrorCode.TIMEOUT, { message: "Handler timeout", reason: "timeout" }],
]);

/** The message of `code`. */
export function errorMessage(code: number): string {
  return ERRORS.get(code)?.message ?? "Server error";
}

/** The name of `code` in log and metrics. */
export function errorReason(code: number): string {
  return ERRORS.get(code)?.reason ?? "declared_error";
}

/** Whether JSON-RPC 2.0 section 5.1 reserves `code`. */
export function isReserved(code: number): boolean {
  return code >= -32768 && code <= -32000;
}
