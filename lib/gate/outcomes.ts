/**
 * The catalogue of outcomes: every end and every refusal on the public port that a client is told of, with its code,
 * whether to reconnect, its label in log and metrics, and a text for people.
 *
 * There is one table for each form: the HTTP answer ({@linkcode REFUSALS}), the JSON-RPC error ({@linkcode ERRORS}),
 * the close frame ({@linkcode CLOSES}, {@linkcode CLOSE_CODES}). A new outcome is one entry. Refusals, close frames,
 * error responses, labels of metrics and the lists of the development page are made from the tables. Tests hold the
 * client library's table, README.md and docs/client.md equal to them.
 */

/**
 * Whether a client reconnects: never (it would end in the same way), later with growing delays, after the time in the
 * answer (`Retry-After`, `data.retry_after_ms`), or at once with a new token.
 */
export type Retry = "never" | "later" | "when_told" | "new_token";

/** {@linkcode Retry} in words. */
export const RETRY_TEXT: Readonly<Record<Retry, string>> = {
  never: "Don't come back the same way.",
  later: "Come back later, at a random moment.",
  when_told: "Come back after the time that the server states.",
  new_token: "Come back with a new token.",
};

/** A refused HTTP request. Its key is the `error` of the body and the `reason` in log and metrics. */
export interface RefusalOutcome {
  /** Status code, RFC 9110 section 15. */
  readonly status: number;
  readonly retry: Retry;
  readonly text: string;
  /**
   * Additional cost for the address. `request`: like a handshake, a token of the bucket for HTTP requests, because it
   * opens nothing and any page can cause it. `offence`: no honest client sends it, so it counts towards a ban.
   */
  readonly costs?: "request" | "offence";
}

const refusals = {
  bad_request: {
    status: 400,
    retry: "never",
    text: "The request is malformed, or carries two different tokens.",
    costs: "offence",
  },
  subprotocol_unsupported: {
    status: 400,
    retry: "never",
    text: "No subprotocol that was asked for is served.",
  },
  subprotocol_required: { status: 400, retry: "never", text: "No subprotocol was asked for." },
  token_missing: { status: 401, retry: "new_token", text: "No token came with the request." },
  token_invalid: {
    status: 401,
    retry: "new_token",
    text: "The token is not acceptable. The server's log says why; the answer never does.",
  },
  token_expired: { status: 401, retry: "new_token", text: "The token has expired: get a new one." },
  token_revoked: { status: 401, retry: "new_token", text: "The token, or its owner, was revoked." },
  ticket_invalid: {
    status: 401,
    retry: "new_token",
    text: "The ticket is unknown, used, too old, or for another origin.",
  },
  origin_missing: { status: 403, retry: "never", text: "The request names no origin.", costs: "request" },
  origin_not_allowed: {
    status: 403,
    retry: "never",
    text: "Pages of this origin may not connect: admission.origins lists those that may.",
    costs: "request",
  },
  forbidden: { status: 403, retry: "never", text: "The token is good but lacks the role this server asks for." },
  not_found: { status: 404, retry: "never", text: "There is nothing under this path." },
  method_not_allowed: { status: 405, retry: "never", text: "This path takes another method.", costs: "request" },
  timeout: { status: 408, retry: "later", text: "The request took too long to arrive." },
  upgrade_required: {
    status: 426,
    retry: "never",
    text: "This path is for WebSocket handshakes of version 13 only.",
    costs: "request",
  },
  rate_limited: {
    status: 429,
    retry: "when_told",
    text: "Too many attempts in a short time: wait as long as Retry-After says.",
  },
  banned: { status: 429, retry: "when_told", text: "Banned for a while, after too many violations." },
  too_many_connections: {
    status: 429,
    retry: "when_told",
    text: "This user or address has as many connections as it may.",
  },
  headers_too_large: {
    status: 431,
    retry: "never",
    text: "The head of the request is too large, or has too many lines.",
    costs: "offence",
  },
  internal: { status: 500, retry: "later", text: "The server failed. Its log has the error." },
  server_full: { status: 503, retry: "when_told", text: "The server has as many connections as it may." },
  draining: { status: 503, retry: "when_told", text: "The server is shutting down." },
  overloaded: {
    status: 503,
    retry: "when_told",
    text: "The server is overloaded and takes no new connections for now.",
  },
  cluster_unavailable: {
    status: 503,
    retry: "when_told",
    text: "The server is cut off from the other nodes, and can't decide this alone.",
  },
} as const satisfies Record<string, RefusalOutcome>;

/** The reason of a refused request on the public port: the `error` of its body and the label of its metric. */
export type Reason = keyof typeof refusals;

/** The HTTP answers by reason. Each is logged as `handshake.rejected` and counted in `sallyport_handshakes_total`. */
export const REFUSALS: Readonly<Record<Reason, RefusalOutcome>> = refusals;

/** Every {@linkcode Reason}. */
export const REASONS: readonly Reason[] = Object.keys(refusals) as Reason[];

/**
 * Reasons of connections that ended before an answer was possible; logged without a status and counted like refusals.
 */
export type UnansweredReason = Reason | "tls_failed";

/** Label values of `sallyport_handshakes_total{reason}`. */
export const HANDSHAKE_REASONS: readonly string[] = ["ok", ...REASONS, "tls_failed"];

/** An error of JSON-RPC 2.0. */
export interface ErrorOutcome {
  /** JSON-RPC 2.0 section 5.1: its own codes, and the server's in the range that it reserves for implementations. */
  readonly code: number;
  /** The error's `message`. */
  readonly message: string;
  /** `reason` in the log, `result` in the metrics. */
  readonly reason: string;
  readonly retry: Retry;
  readonly text: string;
  /** `invalid`: counts towards `messages.max_invalid`. `lost`: the handler did not run, or did not finish. */
  readonly means?: "invalid" | "lost";
}

const errors = {
  PARSE_ERROR: {
    code: -32700,
    message: "Parse error",
    reason: "parse_error",
    retry: "never",
    text: "Parse error: not JSON.",
    means: "invalid",
  },
  INVALID_REQUEST: {
    code: -32600,
    message: "Invalid Request",
    reason: "invalid_request",
    retry: "never",
    text: "Invalid request: JSON, but no request of JSON-RPC 2.0, or too deep, or too large a batch.",
    means: "invalid",
  },
  METHOD_NOT_FOUND: {
    code: -32601,
    message: "Method not found",
    reason: "method_not_found",
    retry: "never",
    text: "There is no such method.",
    means: "invalid",
  },
  INVALID_PARAMS: {
    code: -32602,
    message: "Invalid params",
    reason: "invalid_params",
    retry: "never",
    text: "Invalid parameters: data.issues says where, never what.",
    means: "invalid",
  },
  INTERNAL_ERROR: {
    code: -32603,
    message: "Internal error",
    reason: "internal",
    retry: "later",
    text: "The handler failed. data.ref finds the reason in the server's log.",
    means: "lost",
  },
  RATE_LIMITED: {
    code: -32001,
    message: "Rate limited",
    reason: "rate_limited",
    retry: "when_told",
    text: "Rate limited: try again after data.retry_after_ms.",
  },
  FORBIDDEN: {
    code: -32003,
    message: "Forbidden",
    reason: "forbidden",
    retry: "never",
    text: "Forbidden for the roles of this token.",
  },
  OVERLOADED: {
    code: -32004,
    message: "Overloaded",
    reason: "overloaded",
    retry: "later",
    text: "Overloaded: the handler is busy or was restarted.",
    means: "lost",
  },
  TIMEOUT: {
    code: -32005,
    message: "Handler timeout",
    reason: "timeout",
    retry: "later",
    text: "The handler took too long and was stopped.",
    means: "lost",
  },
} as const satisfies Record<string, ErrorOutcome>;

/** The errors of JSON-RPC. Each is logged as `message.rejected` and counted in `sallyport_messages_total`. */
export const ERRORS: readonly ErrorOutcome[] = Object.values(errors);

/** Name in log and metrics of every error that a method declares. */
export const DECLARED_ERROR = "declared_error";

/** The code of each error, by its name in capitals. */
export const ErrorCode = Object.fromEntries(
  Object.entries(errors).map(([name, { code }]) => [name, code]),
) as { readonly [Name in keyof typeof errors]: typeof errors[Name]["code"] };

/** The meaning of a close code, whatever its reason. */
export interface CloseCodeOutcome {
  readonly retry: Retry;
  readonly text: string;
}

/**
 * RFC 6455 section 7.4.1, IANA's registry, and the server's codes in the private range. 1005 and 1006 are never sent.
 */
export const CLOSE_CODES: ReadonlyMap<number, CloseCodeOutcome> = new Map<number, CloseCodeOutcome>([
  [1000, { retry: "never", text: "Closed as agreed." }],
  [1001, { retry: "later", text: "The server goes away." }],
  [1002, { retry: "never", text: "Protocol error." }],
  [1003, { retry: "never", text: "A binary message where none is taken." }],
  [1005, { retry: "later", text: "Closed without a code." }],
  [1006, {
    retry: "later",
    text:
      "The connection broke, or the handshake was refused. A browser can't tell which: ask for a ticket to learn why.",
  }],
  [1007, { retry: "never", text: "Text that is not UTF-8." }],
  [1008, { retry: "never", text: "A rule was broken; the reason names it." }],
  [1009, { retry: "never", text: "Message too big." }],
  [1011, { retry: "later", text: "The server failed." }],
  [1013, { retry: "later", text: "The client did not keep up." }],
  [4401, { retry: "new_token", text: "The token or the session has ended." }],
  [4408, { retry: "later", text: "The connection was silent for too long." }],
]);

/** A connection that the server closes. Its key is the reason in the close frame, unless that has none. */
export interface CloseOutcome {
  /** One of {@linkcode CLOSE_CODES}. */
  readonly code: number;
  /** Addition of the reason to the text of its code. */
  readonly text: string;
  /** The close frame contains only the code. */
  readonly silent?: boolean;
  /** The causing message is logged as `message.rejected` and counted, both with this reason. */
  readonly rejects?: boolean;
  /** An offence of the address: no honest client causes it. */
  readonly offence?: boolean;
}

const closes = {
  draining: { code: 1001, text: "It shuts down in good order." },
  protocol_error: { code: 1002, text: "The frames break RFC 6455.", silent: true, rejects: true, offence: true },
  binary_not_taken: { code: 1003, text: "This subprotocol is for text only.", rejects: true },
  invalid_utf8: { code: 1007, text: "RFC 6455 wants valid UTF-8.", silent: true, rejects: true, offence: true },
  rate_limited: {
    code: 1008,
    text: "Too many messages over the limit, in a minute: the user is banned for a while.",
  },
  invalid_messages: { code: 1008, text: "Too many messages that were no valid requests." },
  too_many_fragments: { code: 1008, text: "One message in too many pieces.", rejects: true },
  kicked: { code: 1008, text: "An operator closed the connection." },
  banned: { code: 1008, text: "An operator or the limits banned this user." },
  message_too_big: { code: 1009, text: "The limit is messages.max_bytes, over all fragments.", rejects: true },
  internal: { code: 1011, text: "Its log has the error." },
  slow_consumer: { code: 1013, text: "The client did not read what it was sent." },
  token_expired: { code: 4401, text: "The token was good until now." },
  token_revoked: { code: 4401, text: "The token, or its owner, was revoked." },
  session_expired: { code: 4401, text: "The connection was open for as long as it may be." },
  idle: { code: 4408, text: "No message came, or no answer to a ping." },
} as const satisfies Record<string, CloseOutcome>;

/** The reason for which the server closes a connection. */
export type CloseReason = keyof typeof closes;

/** The ends of connections by reason. Each is logged as `connection.closed`. */
export const CLOSES: Readonly<Record<CloseReason, CloseOutcome>> = closes;

/** Every {@linkcode CloseReason}. */
export const CLOSE_REASONS: readonly CloseReason[] = Object.keys(closes) as CloseReason[];

/** The content of a close frame (RFC 6455 section 5.5.1). */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** The close frame for a reason. */
export function closeFor(reason: CloseReason): Close {
  const { code, silent = false } = CLOSES[reason];
  return { code, reason: silent ? "" : reason };
}

/**
 * Label values of `sallyport_messages_total{result}`. Incoming: `ok` or the reason of the refusal. Outgoing: `ok` or
 * `dropped`.
 */
export const MESSAGE_RESULTS: readonly string[] = [
  "ok",
  "dropped",
  ...ERRORS.map(({ reason }) => reason),
  DECLARED_ERROR,
  ...CLOSE_REASONS.filter((reason) => CLOSES[reason].rejects),
];
