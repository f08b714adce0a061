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

const MESSAGES: ReadonlyMap<number, string> = new Map([
  [ErrorCode.PARSE_ERROR, "Parse error"],
  [ErrorCode.INVALID_REQUEST, "Invalid Request"],
  [ErrorCode.METHOD_NOT_FOUND, "Method not found"],
  [ErrorCode.INVALID_PARAMS, "Invalid params"],
  [ErrorCode.INTERNAL_ERROR, "Internal error"],
  [ErrorCode.RATE_LIMITED, "Rate limited"],
  [ErrorCode.FORBIDDEN, "Forbidden"],
  [ErrorCode.OVERLOADED, "Overloaded"],
  [ErrorCode.TIMEOUT, "Handler timeout"],
]);

/** What the log and the metrics call a refused message. */
export const ERROR_REASON: ReadonlyMap<number, string> = new Map([
  [ErrorCode.PARSE_ERROR, "parse_error"],
  [ErrorCode.INVALID_REQUEST, "invalid_request"],
  [ErrorCode.METHOD_NOT_FOUND, "method_not_found"],
  [ErrorCode.INVALID_PARAMS, "invalid_params"],
  [ErrorCode.INTERNAL_ERROR, "internal"],
  [ErrorCode.RATE_LIMITED, "rate_limited"],
  [ErrorCode.FORBIDDEN, "forbidden"],
  [ErrorCode.OVERLOADED, "overloaded"],
  [ErrorCode.TIMEOUT, "timeout"],
]);

/** The text JSON-RPC gives with `code`. */
export function errorMessage(code: number): string {
  return MESSAGES.get(code) ?? "Server error";
}
